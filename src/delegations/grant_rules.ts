import { Share } from "../nfs4/constants.ts";
import {
  type Delegation,
  type OpenDelegationType,
  Want,
  WhyNoDelegation,
} from "../state/delegations.ts";
import type { OpenState } from "../state/opens.ts";
import { hasMethod } from "../vfs/changes.ts";

/**
 * The delegation that an open may have as far as its file is concerned, given
 * the OPEN4_SHARE_ACCESS_WANT_* that came with it (RFC 8881 10.4, 18.16.3): one
 * for everything when it writes and no other client has the file, one for
 * reading when no other writes it.
 */
export function delegationFor(
  open: OpenState,
  wanted: number,
): OpenDelegationType | WhyNoDelegation {
  const type = preferred(open, wanted & Want.MASK);
  const own = delegationOf(open);
  if (own !== undefined) return whyNotAnother(own, type);
  // What is recalled from others is in a client's way.
  if (open.file.recalls > 0) return WhyNoDelegation.CONTENTION;
  const free = strongest(open);
  if (free === undefined) return WhyNoDelegation.CONTENTION;
  return type === "read" || free === "write"
    ? type
    : WhyNoDelegation.CONTENTION;
}

/** Whether a delegation of this type, held before the server started, has no rival. */
export function mayReclaim(open: OpenState, type: OpenDelegationType): boolean {
  // The export may be read only by now.
  if (type === "write" && !isWritable(open)) return false;
  const free = strongest(open);
  return delegationOf(open) === undefined &&
    (free === "write" || free === type);
}

/**
 * Whether a client asks for a delegation of this type, which it then gets with its
 * first OPEN. Who would have it in place of an open (RFC 9754) has nothing to CLOSE
 * under one for reading; under one for writing it may keep to itself what is written
 * beyond the close, which it has to ask for by name.
 */
export function isAskedFor(type: OpenDelegationType, wanted: number): boolean {
  const isInPlace = (wanted & Want.OPEN_XOR_DELEGATION) !== 0;
  return (wanted & Want.MASK) !== 0 || (isInPlace && type === "read");
}

/** The one that the client of an open holds already. */
function delegationOf({ file, client }: OpenState): Delegation | undefined {
  return file.delegations.get(client);
}

function preferred(open: OpenState, want: number): OpenDelegationType {
  if (want === Want.READ || !isWritable(open)) return "read";
  // Whatever the client asks for: under one for writing it says what the size is
  // and has the file's times set, which takes the right to write.
  return (open.access & Share.ACCESS_WRITE) !== 0 ? "write" : "read";
}

/** Whether what the holder of a delegation writes can be written. */
function isWritable({ file: { file } }: OpenState): boolean {
  const { readOnly, fs } = file.export;
  return !readOnly && hasMethod(fs, "write") && hasMethod(fs, "setattr");
}

/** What the others leave of a file. */
function strongest(
  { file, client }: OpenState,
): OpenDelegationType | undefined {
  let type: OpenDelegationType = "write";
  const { delegations, shares } = file;
  for (const [holder, delegation] of delegations) {
    if (holder === client) continue;
    // A client that holds one for writing is alone with the file.
    if (delegation.type === "write") return undefined;
    type = "read";
    break;
  }
  if (shares.isOpenForOthers(client, Share.ACCESS_WRITE)) return undefined;
  // RFC 8881 10.4.1: the holder of a delegation decides on denials by itself.
  if (shares.isDeniedByOthers(client)) return undefined;
  return shares.isOpenForOthers(client, Share.ACCESS_READ) ? "read" : type;
}

/** RFC 8881 18.16.3: a delegation is neither exchanged for another nor granted twice. */
function whyNotAnother(
  own: Delegation,
  wanted: OpenDelegationType,
): WhyNoDelegation {
  if (own.type === wanted) return WhyNoDelegation.RESOURCE;
  return wanted === "write"
    ? WhyNoDelegation.NOT_SUPP_UPGRADE
    : WhyNoDelegation.NOT_SUPP_DOWNGRADE;
}

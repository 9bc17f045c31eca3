import { type Steps, wait } from "../../base/awaitable.ts";
import { Bitmap } from "../../nfs4/bitmap.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import type {
  Delegation,
  HeldAttributes,
  HolderAnswer,
} from "../../state/delegations.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type {
  FileAttributes,
  Timestamp,
  WantedAttributes,
} from "../../vfs/file_system.ts";
import { believedTimes, type NewTimes } from "./delegated_times.ts";
import { attributesOf } from "../files/attributes_of.ts";
import { settingToo } from "../files/changing.ts";
import {
  FileUse,
  recallConflicts,
  wouldGiveWay,
} from "../locking/conflicts.ts";
import type { CompoundContext } from "../context.ts";
import { takeTurns } from "../take_turns.ts";

/** change and size: what the holder of a write delegation knows better. */
const CHANGE_AND_SIZE = Bitmap.ofNumbers([3, 4]);
/** Those, and time_access, time_metadata and time_modify: where it is believed those. */
const WITH_TIMES = Bitmap.ofNumbers([3, 4, 47, 52, 53]);

/** How often a GETATTR asks a holder whose own changes overtake its answers. */
const MOST_ASKED = 3;

/** Another client's write delegation that these attributes are subject to. */
export function heldByAnother(
  context: CompoundContext,
  file: FileRef,
  requested: Bitmap,
): Delegation | undefined {
  const { files } = context.services.state;
  if (files.delegations === 0 || !requested.meets(WITH_TIMES)) return undefined;
  for (const delegation of files.get(file)?.delegations.values() ?? []) {
    if (isHolder(context, file, delegation)) continue;
    // A client that holds one for writing is alone with the file.
    if (delegation.type !== "write") return undefined;
    const known = delegation.times === undefined ? CHANGE_AND_SIZE : WITH_TIMES;
    if (!requested.meets(known)) return undefined;
    if (!wouldGiveWay(context, delegation.client)) return delegation;
  }
  return undefined;
}

/**
 * A GETATTR of NFSv4.0 does not tell whose it is, but the holder's own come on
 * the connection of its other requests.
 */
function isHolder(
  context: CompoundContext,
  { key }: FileRef,
  { client }: Delegation,
): boolean {
  const caller = context.clientAt(key);
  if (caller !== undefined) return caller === client;
  return client.connection === context.connection;
}

/**
 * The attributes of a file as its holder sees them (RFC 8881 10.4.3). When the
 * holder does not answer in a moment, or its own changes overtake each answer, its
 * delegation is recalled, and the caller is put off with NFS4ERR_DELAY; so is one
 * that was reclaimed: a holder that has written before the restart counts change
 * from another place than the server, and all of its answers would look as if it
 * had something new.
 */
export function* askHolder(
  context: CompoundContext,
  file: FileRef,
  { delegation, requested }: {
    readonly delegation: Delegation;
    readonly requested: Bitmap;
  },
): Steps<FileAttributes | StatusCode> {
  const { attributes: table, state: { files: { policy } } } = context.services;
  const wanted = table.wanted(requested);
  for (let asked = 0; asked < MOST_ASKED && mayAsk(delegation); asked++) {
    const held = yield* wait(policy.query?.(delegation));
    // Thousands may have waited for the same answer.
    yield* takeTurns(context);
    if (held === undefined) break;
    const told = yield* asTold(context, file, { delegation, wanted, held });
    if (told !== undefined) return told;
  }
  const out = recallConflicts(context, file, FileUse.GETATTR);
  return out ? Status.DELAY : yield* wait(attributesOf(file, wanted));
}

/** The attributes by what the holder said; undefined where that does not hold any more. */
function* asTold(
  context: CompoundContext,
  file: FileRef,
  { delegation, wanted, held }: {
    readonly delegation: Delegation;
    readonly wanted: WantedAttributes;
    readonly held: HolderAnswer;
  },
): Steps<FileAttributes | undefined> {
  const both = { ...wanted, size: true, change: true, uid: true };
  const attributes = yield* wait(attributesOf(file, both));
  const times = timesSaid(context, delegation, { held, owner: attributes.uid });
  if (!isModified(delegation, held, attributes)) {
    return withTimes(attributes, times);
  }
  // What its holder has set since, times above all, stays as it was acknowledged.
  if (!isUpToDate(held, delegation)) return undefined;
  // RFC 8881 10.4.3: a change and times that can't seem to go back later.
  const change = { ...times, mtime: times?.mtime ?? "now" } as const;
  yield* wait(settingToo(file)?.setattr(file.node, change, undefined));
  return { ...yield* wait(attributesOf(file, both)), size: held.size };
}

/** Whether what the holder would say of the file is of use. */
function mayAsk(delegation: Delegation): boolean {
  const isKnown = delegation.change !== undefined;
  return isKnown && !delegation.isRecalled && isOut(delegation);
}

/** Whether the holder has it still. */
function isOut(delegation: Delegation): boolean {
  const { client, file } = delegation;
  return file.delegations.get(client) === delegation;
}

/** What is believed of the times that a holder has told with its answer (RFC 9754). */
function timesSaid(
  context: CompoundContext,
  { times: since, uid }: Delegation,
  { held, owner }: { readonly held: HeldAttributes; readonly owner: number },
): NewTimes | undefined {
  const mayBackdate = uid === 0 || uid === owner;
  return since && believedTimes(context, held, { since, mayBackdate });
}

/**
 * Shows the times that the holder has told; in the file they are when it has set them,
 * or the file is seen to be changed.
 */
function withTimes(
  attributes: FileAttributes,
  times: NewTimes | undefined,
): FileAttributes {
  if (times === undefined) return attributes;
  const told = (time: NewTimes["atime"], known: Timestamp) =>
    typeof time === "object" ? time : known;
  return {
    ...attributes,
    atime: told(times.atime, attributes.atime),
    mtime: told(times.mtime, attributes.mtime),
  };
}

/**
 * Whether the holder has what the server has not. That it had once is not
 * remembered, as in the example of RFC 8881 10.4.3: a holder that has written all
 * of it says so, and its times are those that it wrote or set.
 */
function isModified(
  delegation: Delegation,
  held: HeldAttributes,
  { size }: Pick<FileAttributes, "size">,
): boolean {
  return held.size !== size || held.change !== BigInt(delegation.change!);
}

/** Whether what the holder of a delegation said holds still: it has it, and has set nothing since it was asked. */
function isUpToDate(
  { changesMade }: HolderAnswer,
  delegation: Delegation,
): boolean {
  return delegation.changesMade === changesMade && isOut(delegation);
}

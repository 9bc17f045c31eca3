import { wait } from "../../base/awaitable.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import { Permission, permits } from "../../vfs/permissions.ts";
import { RIGHTS } from "../../vfs/wanted.ts";
import { isPart } from "../../vfs/named_attributes/attribute_parts.ts";
import { listedAfter, type ListedXattr } from "../../vfs/xattr_list.ts";
import { hasXattrs } from "../../vfs/xattrs.ts";
import type { CompoundContext } from "../context.ts";
import { attributesOf } from "../files/attributes_of.ts";
import { mayHaveXattrs } from "../files/xattrs.ts";
import type { Operation } from "../operation.ts";
import { takeTurns } from "../take_turns.ts";

/** Arguments of LISTXATTRS. */
export interface ListxattrsArgs {
  /** Where to go on: 0, or the cookie of an answer. */
  readonly cookie: number;
  /** Most bytes of the LISTXATTRS4resok. */
  readonly maxCount: number;
}

/** Bytes of a LISTXATTRS4resok without names. */
const AROUND = 16;
const encoder = new TextEncoder();

/** LISTXATTRS (RFC 8276 8.4.3). */
export const listxattrs: Operation<ListxattrsArgs> = {
  decode: (xdr) => ({ cookie: xdr.uint64Number(), maxCount: xdr.uint32() }),

  *run(context, { cookie, maxCount }) {
    const { file } = context;
    const { fs } = file.export;
    if (!hasXattrs(fs)) return Status.NOTSUPP;
    const attributes = yield* wait(attributesOf(file, RIGHTS));
    const caller = context.callerOf(file);
    if (!permits(attributes, caller, Permission.READ)) return Status.ACCESS;
    // A client may list what any file has: symlinks and their like have none.
    const names = mayHaveXattrs(attributes.type)
      ? (yield* wait(fs.listxattrs(file.node))).filter((name) => !isPart(name))
      : [];
    // All of them are hashed and sorted, and many may have been waited for at once.
    yield* takeTurns(context);
    const room = Math.min(maxCount, context.replyRoom) - AROUND;
    return writeList(context, room, listedAfter(names, cookie));
  },
};

/** Writes the names that fit into `room` bytes. */
function writeList(
  context: CompoundContext,
  room: number,
  listed: readonly ListedXattr[],
): StatusCode {
  const { reply } = context;
  const names: Uint8Array[] = [];
  let taken = 0;
  for (const { name } of listed) {
    const bytes = encoder.encode(name);
    const size = 4 + Math.ceil(bytes.length / 4) * 4;
    if (taken + size > room) break;
    taken += size;
    names.push(bytes);
  }
  const eof = names.length === listed.length;
  // RFC 8276 8.4.3.3: not a single name fits, or not even an empty list.
  if (room < 0 || !eof && names.length === 0) return Status.TOOSMALL;
  if (!context.reserve(AROUND + taken)) return Status.DELAY;
  reply.uint64Number(listed[names.length - 1]?.cookie ?? 0);
  reply.array(names, (xdr, name) => xdr.opaque(name));
  reply.bool(eof);
  return Status.OK;
}

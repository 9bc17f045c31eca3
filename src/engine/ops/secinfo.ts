import { wait } from "../../base/awaitable.ts";
import { isStatus, Status } from "../../nfs4/constants.ts";
import type { CompoundContext } from "../context.ts";
import { checkFolder } from "../files/folder_access.ts";
import { checkName, readName } from "../files/names.ts";
import type { Operation } from "../operation.ts";
import { RIGHTS } from "../../vfs/wanted.ts";
import { attributesOf } from "../files/attributes_of.ts";

/** Flavors that are served, the best first: AUTH_SYS, AUTH_NONE (RFC 5531 8.2). */
const FLAVORS = [1, 0] as const;

/** SECINFO (RFC 8881 18.29, RFC 7530 16.31): the name, a view of the request. */
export const secinfo: Operation<Uint8Array> = {
  decode: readName,

  *run(context, bytes) {
    const { file } = context;
    const { fs } = file.export;
    const name = checkName(bytes, fs.limits);
    if (isStatus(name)) return name;
    const attributes = yield* wait(attributesOf(file, RIGHTS));
    // RFC 8881 18.29.3: a user who may not LOOKUP the name may not ask this
    // either.
    const status = checkFolder(context, file, { attributes, use: "search" });
    if (status !== Status.OK) return status;
    const node = yield* wait(fs.lookup(file.node, name));
    if (node === undefined) return Status.NOENT;
    writeFlavors(context);
    return Status.OK;
  },
};

/** Writes a SECINFO4resok, which is the same for every file. */
export function writeFlavors(context: CompoundContext): void {
  context.reply.array(FLAVORS, (xdr, flavor) => xdr.uint32(flavor));
  // RFC 8881 18.29.3: the filehandle is consumed; RFC 7530 16.31.4: it stays.
  if (context.minorVersion > 0) {
    context.current = undefined;
    context.currentStateid = undefined;
  }
}

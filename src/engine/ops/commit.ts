import { wait } from "../../base/awaitable.ts";
import { Status } from "../../nfs4/constants.ts";
import type { Operation } from "../operation.ts";
import { checkRegular } from "../files/file_access.ts";
import { writeVerifierOf } from "../files/write_verifier.ts";
import { TYPE } from "../../vfs/wanted.ts";
import { attributesOf } from "../files/attributes_of.ts";

/** COMMIT4args; the file is committed as a whole, wherever the range lies. */
export interface CommitArgs {
  /** First byte. */
  readonly offset: bigint;
  /** Bytes; 0 for all the rest. */
  readonly count: number;
}

const LAST_OFFSET = 0xffff_ffff_ffff_ffffn;

/**
 * COMMIT (RFC 8881 18.3, RFC 7530 16.3). A client that has lost the right to
 * write may still save what it wrote.
 */
export const commit: Operation<CommitArgs> = {
  decode: (xdr) => ({ offset: xdr.uint64(), count: xdr.uint32() }),

  *run(context, { offset, count }) {
    const { file, reply, minorVersion, services } = context;
    const { fs } = file.export;
    const { type } = yield* wait(attributesOf(file, TYPE));
    const status = checkRegular(type, minorVersion);
    if (status !== Status.OK) return status;
    // RFC 8881 15.1.1.4, RFC 7530 13.1.1.4: no file has bytes there.
    if (offset + BigInt(count) > LAST_OFFSET) return Status.INVAL;
    yield* wait(fs.commit?.(file.node));
    reply.opaqueFixed(writeVerifierOf(services, file));
    return Status.OK;
  },
};

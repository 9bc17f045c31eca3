import { Status } from "../../nfs4/constants.ts";
import { chain } from "../chain.ts";
import type { Operation } from "../operation.ts";
import { checkRegular } from "../regular_file.ts";

/** COMMIT4args; the file is committed as a whole, so neither is looked at. */
export interface CommitArgs {
  /** First byte. */
  readonly offset: number;
  /** Bytes; 0 for all the rest. */
  readonly count: number;
}

/** COMMIT (RFC 8881 18.3, RFC 7530 16.3). Who has lost the right to write may still save what it wrote. */
export const commit: Operation<CommitArgs> = {
  decode: (xdr) => ({ offset: xdr.uint64Number(), count: xdr.uint32() }),

  run(context) {
    const { file, reply, minorVersion, services } = context;
    const { fs } = file.export;
    return chain(fs.getattr(file.node), ({ type }) => {
      const status = checkRegular(type, minorVersion);
      if (status !== Status.OK) return status;
      return chain(fs.commit?.(file.node), () => {
        reply.opaqueFixed(services.writeVerifier);
        return Status.OK;
      });
    });
  },
};

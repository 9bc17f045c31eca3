import { wait } from "../../base/awaitable.ts";
import { Status } from "../../nfs4/constants.ts";
import { writeName } from "../files/names.ts";
import type { Operation } from "../operation.ts";
import { TYPE } from "../../vfs/wanted.ts";
import { attributesOf } from "../files/attributes_of.ts";

/** Bytes of the longest target of most systems, PATH_MAX, with its length. */
const LONGEST_TARGET = 4_100;

/** READLINK (RFC 8881 18.24, RFC 7530 16.25). */
export const readlink: Operation<void> = {
  decode: () => {},

  *run(context) {
    const { file, reply, minorVersion } = context;
    const { fs } = file.export;
    const { type } = yield* wait(attributesOf(file, TYPE));
    if (type !== "symlink") {
      // RFC 8881 15.1.2.9: NFSv4.0 has the less specific error.
      return minorVersion === 0 ? Status.INVAL : Status.WRONG_TYPE;
    }
    if (fs.readlink === undefined) return Status.NOTSUPP;
    const target = yield* wait(fs.readlink(file.node));
    if (!context.reserve(LONGEST_TARGET)) return Status.DELAY;
    writeName(reply, target);
    return Status.OK;
  },
};

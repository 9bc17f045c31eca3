import { wait } from "../../base/awaitable.ts";
import { Status } from "../../nfs4/constants.ts";
import { changing } from "../files/changing.ts";
import {
  authorizeRange,
  type FileRangeArgs,
  readFileRange,
} from "../files/file_ranges.ts";
import { dropSetId } from "../files/set_id.ts";
import type { Operation } from "../operation.ts";

/** ALLOCATE (RFC 7862 15.1): no later WRITE of these bytes lacks room. */
export const allocate: Operation<FileRangeArgs, "allocate"> = {
  decode: readFileRange,

  *run(context, args) {
    const status = yield* authorizeRange(context, args);
    if (status !== Status.OK) return status;
    const { file } = context;
    yield* wait(dropSetId(context, file));
    const [offset, length] = [Number(args.offset), Number(args.length)];
    yield* wait(changing(context, file).allocate(file.node, offset, length));
    // Its owner may have set them meanwhile.
    yield* wait(dropSetId(context, file));
    return Status.OK;
  },
};

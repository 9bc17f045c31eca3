import { changing } from "../files/changing.ts";
import {
  changeRange,
  type FileRangeArgs,
  readFileRange,
} from "../files/file_ranges.ts";
import type { Operation } from "../operation.ts";

/** ALLOCATE (RFC 7862 15.1): no later WRITE of these bytes lacks room. */
export const allocate: Operation<FileRangeArgs, "allocate"> = {
  decode: readFileRange,

  run: (context, args) =>
    changeRange(
      context,
      args,
      (node, offset, length) =>
        changing(context, context.file).allocate(node, offset, length),
    ),
};

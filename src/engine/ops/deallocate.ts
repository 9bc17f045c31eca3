import { changing } from "../files/changing.ts";
import {
  changeRange,
  type FileRangeArgs,
  readFileRange,
} from "../files/file_ranges.ts";
import type { Operation } from "../operation.ts";

/** DEALLOCATE (RFC 7862 15.4): these bytes read as zeros, and give their room back. */
export const deallocate: Operation<FileRangeArgs, "deallocate"> = {
  decode: readFileRange,

  run: (context, args) =>
    changeRange(
      context,
      args,
      (node, offset, length) =>
        changing(context, context.file).deallocate(node, offset, length),
    ),
};

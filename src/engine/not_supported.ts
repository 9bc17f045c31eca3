import { Status } from "../nfs4/constants.ts";
import type { Operation } from "./operation.ts";

/**
 * An operation that is not carried out. Its arguments are decoded all the same,
 * so that malformed ones are told from unsupported ones.
 */
export function notSupported<Args>(
  decode: Operation<Args>["decode"],
): Operation<Args> {
  return { decode, run: () => Status.NOTSUPP };
}

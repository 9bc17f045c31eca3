/**
 * A message that does not follow RFC 4506: cut short, longer than the field's
 * maximum, or with a value outside its type. The RPC layer answers it with
 * GARBAGE_ARGS, an operation with NFS4ERR_BADXDR.
 */
export class XdrError extends Error {
  override readonly name = "XdrError";
}

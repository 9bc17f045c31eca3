import type { ChangeInfo } from "../../vfs/file_system.ts";
import type { XdrWriter } from "../../xdr/writer.ts";

/** Writes a change_info4 (RFC 8881 3.3.8). */
export function writeChangeInfo(xdr: XdrWriter, change: ChangeInfo): void {
  xdr.bool(change.atomic);
  xdr.uint64Number(change.before);
  xdr.uint64Number(change.after);
}

import type { FileRef } from "../../vfs/file_handle.ts";
import type { Services } from "../services.ts";

/**
 * What tells a client whether the bytes that it wrote as UNSTABLE4 are all still
 * there (RFC 8881 18.32.3): another one after each start, and whenever a file
 * system may have lost some. It is asked for before a WRITE, since what was
 * written may be among what was lost by its end, and after a COMMIT.
 */
export function writeVerifierOf(
  { writeVerifier }: Services,
  { export: { fs } }: FileRef,
): Uint8Array {
  const { lostWrites = 0 } = fs;
  if (lostWrites === 0) return writeVerifier;
  const changed = writeVerifier.slice();
  const view = new DataView(changed.buffer);
  view.setUint32(4, view.getUint32(4) + lostWrites);
  return changed;
}

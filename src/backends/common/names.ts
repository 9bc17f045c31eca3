import { FsError } from "../../vfs/mod.ts";

/** Longest name in bytes of UTF-8. */
export const MAX_NAME = 255;

const encoder = new TextEncoder();
const probe = new Uint8Array(MAX_NAME);

/** Throws "name-too-long" for more than {@linkcode MAX_NAME} bytes of UTF-8. */
export function checkName(name: string): void {
  // A UTF-16 unit is at most 3 bytes: most names need no look at their bytes.
  if (name.length * 3 <= MAX_NAME) return;
  if (encoder.encodeInto(name, probe).read < name.length) {
    throw new FsError("name-too-long");
  }
}

import type { WantedAttributes } from "../vfs/file_system.ts";
import { wantedOnly } from "../vfs/wanted.ts";
import { ATTRIBUTES } from "./attributes.ts";
import type { Bitmap } from "./bitmap.ts";

/** What has to be known of a file to write, or to compare, the requested attributes. */
export function wantedBy(requested: Bitmap): WantedAttributes {
  const numbers = [...requested.numbers()];
  return wantedOnly(
    numbers.flatMap((number) => ATTRIBUTES[number]?.reads ?? []),
  );
}

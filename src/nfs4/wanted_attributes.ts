import type { WantedAttributes } from "../vfs/file_system.ts";
import { wantedOnly } from "../vfs/wanted.ts";
import { ATTRIBUTES } from "./attributes.ts";
import type { Bitmap } from "./bitmap.ts";

/** What has to be known of a file to write, or to compare, the requested attributes. */
export function wantedBy(requested: Bitmap): WantedAttributes {
  const rows = [...requested.numbers()].map((number) => ATTRIBUTES[number]);
  // What is of no such type has no named attributes, and is not asked for any.
  const isNamed = rows.some((row) => row?.needs === "named attributes");
  return wantedOnly([
    ...rows.flatMap((row) => row?.reads ?? []),
    ...isNamed ? ["type"] as const : [],
  ]);
}

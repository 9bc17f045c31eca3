/**
 * The attributes that are served, a row each. What is supported, how it is
 * read and how it is set all comes out of its row; an attribute without a row is not
 * supported. RFC 7530 5, RFC 8881 5, RFC 7862 12.2.
 *
 * @module
 */

import { FILE_ATTRIBUTES } from "./attributes/file.ts";
import { FILE_SYSTEM_ATTRIBUTES } from "./attributes/file_system.ts";
import { RIGHTS_ATTRIBUTES } from "./attributes/rights.ts";
import { ROOM_ATTRIBUTES } from "./attributes/room.ts";
import type { AttributeRow, AttributeTerms } from "./attributes/row.ts";
import { SERVER_ATTRIBUTES } from "./attributes/server.ts";
import { TIME_ATTRIBUTES } from "./attributes/times.ts";

const ROWS: readonly AttributeRow[] = [
  ...SERVER_ATTRIBUTES,
  ...FILE_ATTRIBUTES,
  ...RIGHTS_ATTRIBUTES,
  ...TIME_ATTRIBUTES,
  ...ROOM_ATTRIBUTES,
  ...FILE_SYSTEM_ATTRIBUTES,
];

/** The rows by number; `undefined` where there is none. */
export const ATTRIBUTES: readonly (AttributeRow | undefined)[] = byNumber();

function byNumber(): (AttributeRow | undefined)[] {
  const rows: (AttributeRow | undefined)[] = [];
  for (const row of ROWS) rows[row.number] = row;
  return rows;
}

/** Whether an attribute is supported on these terms. */
export function isSupported(row: AttributeRow, terms: AttributeTerms): boolean {
  return (row.since ?? 0) <= terms.minorVersion &&
    (row.supported?.(terms) ?? true);
}

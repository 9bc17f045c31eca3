import type {
  DirectoryEntry,
  DirectoryPage,
} from "../../../vfs/file_system.ts";
import {
  ATTRIBUTE_COLUMNS,
  putAttributes,
  takeAttributes,
} from "./attribute_rows.ts";
import type { SentNode, SentPage } from "./calls.ts";

/** Of an entry: its cookie, its node in three, and its attributes. */
const ENTRY_COLUMNS: number = 4 + ATTRIBUTE_COLUMNS;

/** A page to be sent; `send` gives the node of an entry, `undefined` where that can't be told now. */
export function sentPage<Node extends object>(
  { entries, end }: DirectoryPage<Node>,
  send: (node: Node) => SentNode | undefined,
): SentPage {
  const rows = new Float64Array(entries.length * ENTRY_COLUMNS);
  entries.forEach(({ cookie, node, attributes }, i) => {
    const at = i * ENTRY_COLUMNS;
    rows[at] = cookie;
    const sent = node === undefined ? undefined : send(node);
    rows.set(sent ?? [NaN, NaN, NaN], at + 1);
    if (sent !== undefined && attributes !== undefined) {
      putAttributes(rows, at + 4, attributes);
    } else rows[at + 4] = NaN;
  });
  return { names: entries.map(({ name }) => name), rows, end };
}

/** The page that was sent. */
export function receivedPage<Node extends object>(
  { names, rows, end }: SentPage,
  receive: (sent: SentNode) => Node,
): DirectoryPage<Node> {
  const entries = names.map((name, i): DirectoryEntry<Node> => {
    const at = i * ENTRY_COLUMNS;
    const cookie = rows[at]!;
    const number = rows[at + 1]!;
    // The server looks it up.
    if (Number.isNaN(number)) return { name, cookie };
    const node = receive([number, rows[at + 2]!, rows[at + 3]!]);
    const attributes = Number.isNaN(rows[at + 4]!)
      ? undefined
      : takeAttributes(rows, at + 4);
    return { name, cookie, node, attributes };
  });
  return { entries, end };
}

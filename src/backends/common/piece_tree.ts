import { PAGE, type Piece } from "./piece.ts";

/** Pieces, or nodes of them, in the order of their pages; and what they come to. */
interface Node {
  /**
   * The page of each piece. Of nodes, the first page that the one may have,
   * but for the first of them, which has whatever comes before the second.
   */
  readonly pages: number[];
  readonly entries: Entry[];
  /** Pieces below. */
  pieces: number;
  /** Bytes of these. */
  bytes: number;
}

type Entry = Piece | Node;

const MAX_ENTRIES = 64;

/**
 * Pieces by the number of their page, sorted. Since each node knows what it comes
 * to, whatever lies between two pages is taken out, and its bytes are known, in as
 * many steps as the tree is high; as many pass by what is full. What was taken out
 * is garbage, which the collector frees beside the program.
 */
export class PieceTree {
  #root: Node = newNode([], []);
  /** Nodes above the pieces, the root not counted. */
  #height = 0;
  /** What was asked for last: a write asks several times, and the next one is often near. */
  #lastPage = -1;
  #lastPiece: Piece | undefined;

  /** Number of pieces. */
  get size(): number {
    return this.#root.pieces;
  }

  /** Bytes of all pieces. */
  get bytes(): number {
    return this.#root.bytes;
  }

  /** The piece of a page. */
  get(page: number): Piece | undefined {
    if (page !== this.#lastPage) {
      this.#lastPiece = this.#find(page);
      this.#lastPage = page;
    }
    return this.#lastPiece;
  }

  /** Gives a page its piece, in place of the one that it has. */
  set(page: number, piece: Piece): void {
    const old = this.get(page);
    const more = {
      pieces: old === undefined ? 1 : 0,
      bytes: piece.bytes.length - (old?.bytes.length ?? 0),
    };
    this.#lastPiece = piece;
    const half = set(this.#root, this.#height, { page, piece, more });
    if (half === undefined) return;
    const { pages } = this.#root;
    this.#root = newNode([pages[0]!, half.pages[0]!], [this.#root, half]);
    this.#height++;
  }

  /** The first of the pages from `page` on that has a piece, with that. */
  next(page: number): readonly [page: number, piece: Piece] | undefined {
    return next(this.#root, this.#height, page);
  }

  /** The first of the pages from `page` on that no piece fills. */
  notFull(page: number): number {
    return notFull(this.#root, this.#height, page);
  }

  /** What the pieces from the page `from` on come to, up to the one before `to`. */
  sum(from: number, to: number): Sum {
    const sum = { pieces: 0, bytes: 0 };
    if (from < to) add(sum, this.#root, this.#height, { from, to });
    return sum;
  }

  /** Takes out the pieces from the page `from` on, up to the one before `to`. */
  remove(from: number, to = Infinity): void {
    if (from >= to) return;
    this.#lastPage = -1;
    this.#lastPiece = undefined;
    remove(this.#root, this.#height, { from, to });
    while (this.#height > 0 && this.#root.entries.length <= 1) {
      const [only] = this.#root.entries;
      this.#height = only === undefined ? 0 : this.#height - 1;
      this.#root = only as Node | undefined ?? newNode([], []);
    }
  }

  /** All pages and their pieces, in order. */
  *[Symbol.iterator](): Generator<[page: number, piece: Piece]> {
    yield* piecesOf(this.#root, this.#height);
  }

  #find(page: number): Piece | undefined {
    let node = this.#root;
    for (let height = this.#height; height > 0; height--) {
      node = node.entries[slotOf(node.pages, page)] as Node;
    }
    const slot = slotOf(node.pages, page);
    if (node.pages[slot] !== page) return undefined;
    return node.entries[slot] as Piece;
  }
}

/** A piece that takes its place, and what the tree comes to more by it. */
interface Change {
  readonly page: number;
  readonly piece: Piece;
  readonly more: { readonly pieces: number; readonly bytes: number };
}

/** Returns the other half of a node that had to be split. */
function set(node: Node, height: number, change: Change): Node | undefined {
  const { pages, entries } = node;
  const { page, piece, more } = change;
  node.pieces += more.pieces;
  node.bytes += more.bytes;
  const slot = slotOf(pages, page);
  if (height > 0) {
    const half = set(entries[slot] as Node, height - 1, change);
    if (half === undefined) return undefined;
    pages.splice(slot + 1, 0, half.pages[0]!);
    entries.splice(slot + 1, 0, half);
  } else if (pages[slot] === page) {
    entries[slot] = piece;
    return undefined;
  } else {
    const at = pages[slot]! < page ? slot + 1 : slot;
    pages.splice(at, 0, page);
    entries.splice(at, 0, piece);
  }
  if (entries.length <= MAX_ENTRIES) return undefined;
  const middle = MAX_ENTRIES >> 1;
  const half = newNode(pages.splice(middle), entries.splice(middle));
  node.pieces -= half.pieces;
  node.bytes -= half.bytes;
  return half;
}

/** From a page on, up to the one before another. */
interface Pages {
  readonly from: number;
  readonly to: number;
}

/** What pieces come to. */
interface Sum {
  pieces: number;
  bytes: number;
}

function add(sum: Sum, node: Node, height: number, range: Pages): void {
  const { pages, entries } = node;
  const first = slotOf(pages, range.from);
  const last = slotOf(pages, range.to - 1);
  for (let slot = first; slot <= last && slot < entries.length; slot++) {
    const entry = entries[slot]!;
    const isEdge = slot === first || slot === last;
    if (height > 0 && isEdge) add(sum, entry as Node, height - 1, range);
    else if (height > 0 || isWithin(pages[slot]!, range)) {
      sum.pieces += piecesIn(entry);
      sum.bytes += bytesIn(entry);
    }
  }
}

function isWithin(page: number, { from, to }: Pages): boolean {
  return page >= from && page < to;
}

function remove(node: Node, height: number, range: Pages): void {
  const { pages, entries } = node;
  let start = slotOf(pages, range.from);
  let end = slotOf(pages, range.to - 1) + 1;
  if (height === 0) {
    if (pages[start]! < range.from) start++;
    if (pages[end - 1]! >= range.to) end--;
  } else {
    // Of all between these two nothing is left.
    for (const slot of new Set([start, end - 1])) {
      const child = entries[slot] as Node;
      const { pieces, bytes } = child;
      remove(child, height - 1, range);
      node.pieces -= pieces - child.pieces;
      node.bytes -= bytes - child.bytes;
    }
    if (piecesIn(entries[end - 1]!) > 0) end--;
    if (start < end && piecesIn(entries[start]!) > 0) start++;
  }
  if (start >= end) return;
  pages.splice(start, end - start);
  for (const entry of entries.splice(start, end - start)) {
    node.pieces -= piecesIn(entry);
    node.bytes -= bytesIn(entry);
  }
}

function next(
  { pages, entries }: Node,
  height: number,
  page: number,
): readonly [number, Piece] | undefined {
  for (let slot = slotOf(pages, page); slot < entries.length; slot++) {
    if (height > 0) {
      // Only the first may have nothing there.
      const found = next(entries[slot] as Node, height - 1, page);
      if (found !== undefined) return found;
    } else if (pages[slot]! >= page) {
      return [pages[slot]!, entries[slot] as Piece];
    }
  }
  return undefined;
}

function notFull(node: Node, height: number, page: number): number {
  const { pages, entries } = node;
  let at = page;
  for (let slot = slotOf(pages, at); slot < entries.length; slot++) {
    const entry = entries[slot]!;
    if (height > 0) {
      const child = entry as Node;
      const isPassed = firstOf(child, height - 1) === at &&
        isFull(child, height - 1);
      const end = isPassed ? at + child.pieces : notFull(child, height - 1, at);
      if (!isPassed && end <= lastOf(child, height - 1)) return end;
      at = end;
    } else if (pages[slot] === at) {
      if (bytesIn(entry) < PAGE) return at;
      at++;
    } else if (pages[slot]! > at) return at;
  }
  return at;
}

/** Whether there is a piece of each page from its first to its last, and all of that. */
function isFull(node: Node, height: number): boolean {
  const { pieces, bytes } = node;
  return bytes === pieces * PAGE &&
    lastOf(node, height) - firstOf(node, height) + 1 === pieces;
}

function firstOf({ pages, entries }: Node, height: number): number {
  return height === 0 ? pages[0]! : firstOf(entries[0] as Node, height - 1);
}

function lastOf({ pages, entries }: Node, height: number): number {
  return height === 0
    ? pages.at(-1)!
    : lastOf(entries.at(-1) as Node, height - 1);
}

function* piecesOf(
  { pages, entries }: Node,
  height: number,
): Generator<[number, Piece]> {
  for (const [slot, entry] of entries.entries()) {
    if (height === 0) yield [pages[slot]!, entry as Piece];
    else yield* piecesOf(entry as Node, height - 1);
  }
}

function newNode(pages: number[], entries: Entry[]): Node {
  const node = { pages, entries, pieces: 0, bytes: 0 };
  for (const entry of entries) {
    node.pieces += piecesIn(entry);
    node.bytes += bytesIn(entry);
  }
  return node;
}

function piecesIn(entry: Entry): number {
  return "pieces" in entry ? entry.pieces : 1;
}

function bytesIn(entry: Entry): number {
  return "pieces" in entry ? entry.bytes : entry.bytes.length;
}

/** Where the last of the pages is that is not behind `page`; 0 if there is none. */
function slotOf(pages: readonly number[], page: number): number {
  let low = 0;
  let high = pages.length;
  while (high - low > 1) {
    const middle = low + high >> 1;
    if (pages[middle]! > page) high = middle;
    else low = middle;
  }
  return low;
}

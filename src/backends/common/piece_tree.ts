import type { Piece } from "./piece.ts";

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
 * Pieces by the number of their page, sorted. They leave from the end only:
 * since each node knows what it comes to, whatever lies behind a page is cut
 * off, and its bytes are known, in as many steps as the tree is high. What was
 * cut off is garbage, which the collector frees beside the program.
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

  /** Takes out the pieces from `page` on. */
  cut(page: number): void {
    this.#lastPage = -1;
    this.#lastPiece = undefined;
    cut(this.#root, this.#height, page);
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

function cut(node: Node, height: number, page: number): void {
  const { pages, entries } = node;
  let keep = slotOf(pages, page);
  if (height === 0) {
    if (pages[keep]! < page) keep++;
  } else {
    const last = entries[keep] as Node;
    const { pieces, bytes } = last;
    cut(last, height - 1, page);
    node.pieces -= pieces - last.pieces;
    node.bytes -= bytes - last.bytes;
    if (last.pieces > 0) keep++;
  }
  for (const entry of entries.splice(keep)) {
    node.pieces -= piecesIn(entry);
    node.bytes -= bytesIn(entry);
  }
  pages.length = keep;
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

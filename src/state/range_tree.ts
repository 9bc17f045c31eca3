/** What is in a {@linkcode RangeTree}: bytes from `start` to `last`, both included. */
interface Range {
  readonly start: bigint;
  readonly last: bigint;
  /** Tells ranges with the same start apart. */
  readonly id: number;
  /** Whose it is. */
  readonly owner: object;
}

/** Ranges, or nodes of them, in the order of their starts; and what they come to. */
interface Node {
  readonly entries: Entry[];
  /** Start and id of the first one. */
  start: bigint;
  id: number;
  /** How far any of them reaches. */
  last: bigint;
  /** Whose all of them are, or {@linkcode SEVERAL}. */
  owner: object;
}

type Entry = Range | Node;

/** Bytes that are asked about, and whose ranges don't matter. */
interface Sought extends Pick<Range, "start" | "last"> {
  readonly owner: object | undefined;
  readonly isPassedOver: ((owner: object) => boolean) | undefined;
}

const MAX_ENTRIES = 32;
/** The owner of a node that has more than one. */
const SEVERAL = {};

/**
 * Ranges sorted by start, which may overlap. Each node knows how far it
 * reaches, and whether all of it is of one owner, so that looking for another
 * owner's range takes the same few steps however many an owner has of its own.
 */
export class RangeTree<T extends Range> {
  #root: Node = newNode([]);
  /** Nodes above the ranges, the root not counted. */
  #height = 0;

  /** A range that overlaps the span, is not the owner's, and of none that is passed over. */
  find(
    span: Pick<Range, "start" | "last">,
    owner: object | undefined,
    isPassedOver?: (owner: T["owner"]) => boolean,
  ): T | undefined {
    const { start, last } = span;
    const sought = { start, last, owner, isPassedOver } as Sought;
    return find(this.#root, this.#height, sought) as T | undefined;
  }

  /** Takes a range in. */
  add(range: T): void {
    const half = add(this.#root, this.#height, range);
    if (half === undefined) return;
    this.#root = newNode([this.#root, half]);
    this.#height++;
  }

  /** Takes a range out; one that is not in the tree is passed over. */
  remove(range: T): void {
    remove(this.#root, this.#height, range);
    while (this.#height > 0 && this.#root.entries.length <= 1) {
      const [only] = this.#root.entries;
      this.#height = only === undefined ? 0 : this.#height - 1;
      this.#root = only as Node | undefined ?? newNode([]);
    }
  }
}

function find(
  { entries }: Node,
  height: number,
  sought: Sought,
): Entry | undefined {
  const { start, last, owner, isPassedOver } = sought;
  for (const entry of entries) {
    if (entry.start > last) return undefined;
    if (entry.owner === owner || entry.last < start) continue;
    if (entry.owner !== SEVERAL && isPassedOver?.(entry.owner)) continue;
    if (height === 0) return entry;
    const found = find(entry as Node, height - 1, sought);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Returns the other half of a node that had to be split. */
function add(node: Node, height: number, range: Range): Node | undefined {
  const { entries } = node;
  const at = indexBehind(entries, range);
  if (height === 0) {
    entries.splice(at, 0, range);
  } else {
    const child = Math.max(0, at - 1);
    const half = add(entries[child] as Node, height - 1, range);
    if (half !== undefined) entries.splice(child + 1, 0, half);
  }
  if (entries.length <= MAX_ENTRIES) {
    const isFirst = entries.length === 1;
    const first = entries[0]!;
    if (first.id !== node.id) {
      node.start = first.start;
      node.id = first.id;
    }
    if (isFirst || range.last > node.last) node.last = range.last;
    if (isFirst) node.owner = range.owner;
    else if (node.owner !== range.owner) node.owner = SEVERAL;
    return undefined;
  }
  const half = newNode(entries.splice(MAX_ENTRIES >> 1));
  summarize(node);
  return half;
}

function remove(node: Node, height: number, range: Range): void {
  const { entries } = node;
  const at = indexBehind(entries, range) - 1;
  if (at < 0) return;
  if (height === 0) {
    if (entries[at] !== range) return;
    entries.splice(at, 1);
  } else {
    const child = entries[at] as Node;
    remove(child, height - 1, range);
    if (child.entries.length === 0) entries.splice(at, 1);
  }
  summarize(node);
}

function newNode(entries: Entry[]): Node {
  const node = { entries, start: 0n, id: -1, last: 0n, owner: SEVERAL };
  summarize(node);
  return node;
}

function summarize(node: Node): void {
  const { entries } = node;
  const [first] = entries;
  if (first === undefined) return;
  let { last, owner } = first;
  for (const entry of entries) {
    if (entry.last > last) last = entry.last;
    if (entry.owner !== owner) owner = SEVERAL;
  }
  node.start = first.start;
  node.id = first.id;
  node.last = last;
  node.owner = owner;
}

/** Index of the first entry behind where the range belongs. */
function indexBehind(entries: readonly Entry[], { start, id }: Range): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = low + high >> 1;
    const entry = entries[middle]!;
    const isBehind = entry.start === start
      ? entry.id > id
      : entry.start > start;
    if (isBehind) high = middle;
    else low = middle + 1;
  }
  return low;
}

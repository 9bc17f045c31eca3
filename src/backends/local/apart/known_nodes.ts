import type { SentNode } from "./calls.ts";

/** A node on the server's side: what the worker calls it, and what its identity is made of. */
export class ApartNode {
  readonly number: number;
  /** `undefined` of a root that the worker has not told of yet. */
  identity: { readonly inode: number; readonly tag: number } | undefined;

  constructor(number: number) {
    this.number = number;
  }
}

/** An object of this side, and how often its node has come. */
interface Known {
  readonly number: number;
  readonly ref: WeakRef<ApartNode>;
  times: number;
}

/**
 * One object for one node of the worker's, as long as anything here holds it;
 * then the worker is told, and lets go of the node as well.
 */
export class KnownNodes {
  /** The highest number that has come. */
  last = 0;
  readonly #known = new Map<number, Known>();
  readonly #registry: FinalizationRegistry<Known>;

  /** `release` is told of a node, and how often it had come, when nothing here holds it. */
  constructor(release: (number: number, times: number) => void) {
    this.#registry = new FinalizationRegistry((known) => {
      const { number, times } = known;
      if (this.#known.get(number) === known) this.#known.delete(number);
      release(number, times);
    });
  }

  /** The object of a node that has come. */
  receive([number, inode, tag]: SentNode): ApartNode {
    const known = this.#known.get(number);
    const held = known?.ref.deref();
    if (held !== undefined) {
      known!.times++;
      return held;
    }
    this.last = Math.max(this.last, number);
    const node = new ApartNode(number);
    node.identity = { inode, tag };
    const fresh = { number, ref: new WeakRef(node), times: 1 };
    this.#known.set(number, fresh);
    this.#registry.register(node, fresh);
    return node;
  }

  /** Has `node` stand for its number, for as long as its holder needs it. */
  adopt(node: ApartNode): void {
    const { number } = node;
    this.#known.set(number, { number, ref: new WeakRef(node), times: 0 });
  }

  /** The object of a number, where there is one. */
  get(number: number): ApartNode | undefined {
    return this.#known.get(number)?.ref.deref();
  }
}

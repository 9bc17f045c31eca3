import { FsError } from "../../../vfs/errors.ts";

/** A node that the server's side holds. */
interface Held<Node> {
  readonly node: Node;
  readonly number: number;
  /** How often it was sent, less what the server's side has let go of. */
  times: number;
}

/** The worker's nodes by the numbers under which the server's side knows them, for as long as it does. */
export class HeldNodes<Node extends object> {
  readonly #byNode = new Map<Node, Held<Node>>();
  readonly #byNumber = new Map<number, Held<Node>>();
  #last: number;

  /** `root` has the number 0; those up to `last` are of nodes that an earlier worker had. */
  constructor(root: Node, last = 0) {
    this.#last = last;
    this.#hold(root, 0).times = Infinity;
  }

  /** The number of a node that is about to be sent. */
  send(node: Node): number {
    const held = this.#byNode.get(node) ?? this.#hold(node, ++this.#last);
    held.times++;
    return held.number;
  }

  /** The number of a node, where the server's side holds it. */
  numberOf(node: Node): number | undefined {
    return this.#byNode.get(node)?.number;
  }

  /** The node of a number. */
  of(number: number): Node {
    const node = this.find(number);
    if (node === undefined) throw new FsError("stale", "a node let go");
    return node;
  }

  /** The same; `undefined` of one that was let go of, or was an earlier worker's. */
  find(number: number): Node | undefined {
    return this.#byNumber.get(number)?.node;
  }

  /**
   * The server's side has let go of an object that it had received so often. What
   * was sent again meanwhile is another object there, and keeps the number.
   */
  release(number: number, times: number): void {
    const held = this.#byNumber.get(number);
    if (held === undefined) return;
    held.times -= times;
    if (held.times > 0) return;
    this.#byNumber.delete(number);
    this.#byNode.delete(held.node);
  }

  #hold(node: Node, number: number): Held<Node> {
    const held = { node, number, times: 0 };
    this.#byNode.set(node, held);
    this.#byNumber.set(number, held);
    return held;
  }
}

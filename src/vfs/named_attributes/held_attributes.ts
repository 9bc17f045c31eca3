import type { NamedAttribute } from "./attribute_nodes.ts";

/** One that is open, and how many times. */
interface Held {
  readonly attribute: NamedAttribute;
  opens: number;
}

/** Attributes that clients have open, by their identities. */
export class HeldAttributes {
  readonly #held = new Map<string, Held>();

  /** One is opened. */
  open(identity: Uint8Array, attribute: NamedAttribute): void {
    const key = keyOf(identity);
    const held = this.#held.get(key) ?? { attribute, opens: 0 };
    held.opens++;
    this.#held.set(key, held);
  }

  /** One is closed, as often as it was opened. */
  close(identity: Uint8Array): void {
    const key = keyOf(identity);
    const held = this.#held.get(key);
    if (held === undefined) return;
    held.opens--;
    if (held.opens === 0) this.#held.delete(key);
  }

  /** The one of that identity; `undefined` where it is not open. */
  find(identity: Uint8Array): NamedAttribute | undefined {
    return this.#held.get(keyOf(identity))?.attribute;
  }
}

function keyOf(identity: Uint8Array): string {
  return String.fromCharCode(...identity);
}

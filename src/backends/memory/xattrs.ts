import { equals } from "@std/bytes";
import { FsError } from "../../vfs/mod.ts";
import { type Capacity, costOfXattr } from "../common/capacity.ts";
import {
  bytesOfXattr,
  type NewXattr,
  useWith,
  type XattrUse,
} from "../common/xattrs.ts";

/** The extended attributes of a node, which take room as long as they are there. */
export class Xattrs {
  readonly #capacity: Capacity;
  readonly #values = new Map<string, Uint8Array>();
  #use: XattrUse = { count: 0, bytes: 0 };

  /** None yet. */
  constructor(capacity: Capacity) {
    this.#capacity = capacity;
  }

  /** The value of one, if it is there. */
  get(name: string): Uint8Array | undefined {
    return this.#values.get(name);
  }

  /** The names of all. */
  names(): string[] {
    return [...this.#values.keys()];
  }

  /** Makes or replaces one; false where it has that value already. Throws "no-space" where there is no room for it. */
  set(made: NewXattr): boolean {
    const { name, value } = made;
    const old = this.#values.get(name);
    const use = useWith(this.#use, made, old);
    if (old !== undefined && equals(old, value)) return false;
    const growth = value.length - (old?.length ?? 0);
    this.#capacity.take(growth, old === undefined ? costOfXattr(name) : 0);
    this.#values.set(name, value.slice());
    this.#use = use;
    return true;
  }

  /** Removes one; throws "no-xattr" where it is not there. */
  delete(name: string): void {
    const old = this.#values.get(name);
    if (old === undefined) throw new FsError("no-xattr");
    this.#values.delete(name);
    this.#capacity.give(old.length, costOfXattr(name));
    const { count, bytes } = this.#use;
    this.#use = { count: count - 1, bytes: bytes - bytesOfXattr(name, old) };
  }

  /** Gives back what all of them take. */
  release(): void {
    for (const name of this.names()) this.delete(name);
  }
}

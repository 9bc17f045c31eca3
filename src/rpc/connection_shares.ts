import { networkOf } from "../base/network_of.ts";

/** How many connections each of several has. */
export class Shares {
  readonly #sizes = new Map<string, number>();
  #size = 0;

  /** Those of all. */
  get size(): number {
    return this.#size;
  }

  /** Those of one. */
  of(key: string): number {
    return this.#sizes.get(key) ?? 0;
  }

  /** One has one more. */
  add(key: string): void {
    this.#size++;
    this.#sizes.set(key, this.of(key) + 1);
  }

  /** One has one less. */
  remove(key: string): void {
    this.#size--;
    const left = this.of(key) - 1;
    if (left > 0) this.#sizes.set(key, left);
    else this.#sizes.delete(key);
  }

  /** Who has most; `undefined` where there are none. */
  get largest(): string | undefined {
    let largest: string | undefined;
    let most = 0;
    for (const [key, size] of this.#sizes) {
      if (size <= most) continue;
      largest = key;
      most = size;
    }
    return largest;
  }
}

/** How many connections each network has, and in it each address. */
export class ConnectionShares {
  /** By network. */
  readonly networks = new Shares();
  readonly #addresses = new Map<string, Shares>();

  /** An address has one more. */
  add(address: string): void {
    const network = networkOf(address);
    const addresses = this.within(network);
    this.#addresses.set(network, addresses);
    addresses.add(address);
    this.networks.add(network);
  }

  /** An address has one less. */
  remove(address: string): void {
    const network = networkOf(address);
    const addresses = this.within(network);
    addresses.remove(address);
    if (addresses.size === 0) this.#addresses.delete(network);
    this.networks.remove(network);
  }

  /** Those of a network, by address. */
  within(network: string): Shares {
    return this.#addresses.get(network) ?? new Shares();
  }
}

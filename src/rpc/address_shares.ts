import { networkOf } from "../base/network_of.ts";

/** The connections of one network. */
interface Network {
  /** All of them. */
  size: number;
  /** How many each of its addresses has. */
  readonly byAddress: Map<string, number>;
}

/** How many connections each address has, and each network. */
export class AddressShares {
  readonly #networks = new Map<string, Network>();

  /** An address has one more. */
  add(address: string): void {
    const key = networkOf(address);
    let network = this.#networks.get(key);
    if (network === undefined) {
      network = { size: 0, byAddress: new Map() };
      this.#networks.set(key, network);
    }
    network.size++;
    network.byAddress.set(address, this.of(address) + 1);
  }

  /** An address has one less. */
  remove(address: string): void {
    const key = networkOf(address);
    const network = this.#networks.get(key);
    if (network === undefined) return;
    const left = this.of(address) - 1;
    if (left > 0) network.byAddress.set(address, left);
    else network.byAddress.delete(address);
    if (--network.size === 0) this.#networks.delete(key);
  }

  /** Those of an address. */
  of(address: string): number {
    return this.#of(address)?.byAddress.get(address) ?? 0;
  }

  /** Those of the network that an address is in. */
  ofNetwork(address: string): number {
    return this.#of(address)?.size ?? 0;
  }

  /** The address that has most in the network of this one. */
  largest(address: string): string {
    let largest = address;
    let most = 0;
    for (const [other, size] of this.#of(address)?.byAddress ?? []) {
      if (size <= most) continue;
      largest = other;
      most = size;
    }
    return largest;
  }

  #of(address: string): Network | undefined {
    return this.#networks.get(networkOf(address));
  }
}

/** Where buffers are in memory, for libc: asking for that costs as much as a read. */
export class Addresses {
  readonly #known = new WeakMap<ArrayBufferLike, number>();

  /** Of the first byte of a view, good for as long as its buffer is held. */
  of({ buffer, byteOffset }: Uint8Array): number {
    let address = this.#known.get(buffer);
    if (address === undefined) {
      const pointer = Deno.UnsafePointer.of(new Uint8Array(buffer));
      address = Number(Deno.UnsafePointer.value(pointer));
      this.#known.set(buffer, address);
    }
    return address + byteOffset;
  }
}

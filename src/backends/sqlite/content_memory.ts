import { FileContent } from "../common/file_content.ts";
import { Capacity } from "../common/capacity.ts";
import type { Segment } from "./segments.ts";
import type { Contents, Sought } from "./contents.ts";
import type { Room } from "./disk_room.ts";

/** Bytes that a store in memory can hold beside its database. */
const MEMORY_BYTES = 2 ** 33;

/** {@linkcode Contents} of a store in memory. */
export class ContentMemory implements Contents, Room {
  readonly total = MEMORY_BYTES;
  readonly #capacity = new Capacity({
    bytes: MEMORY_BYTES,
    heap: MEMORY_BYTES,
    files: 1,
  });
  readonly #files = new Map<number, FileContent>();

  free(): number {
    return this.#capacity.freeBytes;
  }

  make(number: number): boolean {
    if (this.#files.has(number)) return false;
    this.#files.set(number, new FileContent(this.#capacity));
    return true;
  }

  read(number: number, offset: number, target: Uint8Array): boolean {
    const bytes = this.#files.get(number)?.read(offset, target) ?? 0;
    target.fill(0, bytes);
    return bytes === target.length;
  }

  readyToWrite(): undefined {}

  write(number: number, offset: number, data: Uint8Array): void {
    let content = this.#files.get(number);
    if (content === undefined) {
      content = new FileContent(this.#capacity);
      this.#files.set(number, content);
    }
    content.write(offset, data);
  }

  writeAgain(number: number, offset: number, data: Uint8Array): void {
    this.write(number, offset, data);
  }

  cut(number: number, size: number): void {
    const content = this.#files.get(number);
    if (content !== undefined && size < content.size) content.resize(size);
  }

  measure(number: number): { size: number; used: number } {
    const { size, used } = this.#files.get(number) ?? { size: 0, used: 0 };
    return { size, used };
  }

  lacks(): boolean {
    return false;
  }

  readonly hasRanges = true;

  punch(number: number, offset: number, end: number): void {
    this.#files.get(number)?.punch(offset, end);
  }

  seek(
    number: number,
    { offset, what }: Sought,
  ): number | undefined {
    const content = this.#files.get(number);
    const isWithin = content !== undefined && offset < content.size;
    if (isWithin) return content.seek(offset, what);
    return what === "hole" ? offset : undefined;
  }

  segments(number: number): readonly Segment[] {
    return this.#files.get(number)?.segments() ?? [];
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  syncNow(): void {}

  remove(number: number): void {
    this.#files.get(number)?.release();
    this.#files.delete(number);
  }

  /** {@inheritDoc Contents.hasLeftovers} */
  readonly hasLeftovers = false;

  share(): void {}

  /** No crash leaves anything. */
  removeStrays(): void {}

  close(): Promise<void> {
    return Promise.resolve();
  }
}

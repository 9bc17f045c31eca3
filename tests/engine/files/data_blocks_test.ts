import { assert, assertEquals } from "@std/assert";
import {
  type DataBlocks,
  fillWithBlocks,
} from "../../../src/engine/files/data_blocks.ts";

const NONE = 2n ** 64n - 1n;

/** Blocks of so many bytes, each with a pattern behind its number. */
function blocksOf(size: number, without: Partial<DataBlocks> = {}): DataBlocks {
  const pattern = Uint8Array.from({ length: size >> 1 }, (_, i) => 1 + i);
  return {
    ...{ size: BigInt(size), count: 1n, firstNumber: 0xffff_fffe },
    numberOffset: size < 4 ? NONE : BigInt((size - 4) >> 1),
    patternOffset: BigInt(size - pattern.length),
    pattern,
    ...without,
  };
}

/** A byte of them, by itself. */
function byteAt(blocks: DataBlocks, at: number): number {
  const size = Number(blocks.size);
  const within = at % size;
  const inNumber = within - Number(blocks.numberOffset);
  if (inNumber >= 0 && inNumber < 4) {
    const number = (blocks.firstNumber + Math.floor(at / size)) >>> 0;
    return number >>> (8 * (3 - inNumber)) & 0xff;
  }
  return blocks.pattern[within - Number(blocks.patternOffset)] ?? 0;
}

const KINDS: Record<string, Partial<DataBlocks>> = {
  "with numbers and a pattern": {},
  "without numbers": { numberOffset: NONE },
  "without a pattern": { patternOffset: NONE },
};

for (const [kind, without] of Object.entries(KINDS)) {
  Deno.test(`blocks ${kind} are the same in parts as in one piece`, () => {
    for (const size of [1, 2, 4, 5, 7, 16, 100]) {
      const blocks = blocksOf(size, without);
      const all = Uint8Array.from({ length: 64 }, (_, i) => byteAt(blocks, i));
      for (let from = 0; from < 32; from++) {
        for (const length of [1, 3, 8, 31]) {
          const part = new Uint8Array(length).fill(0xee);
          fillWithBlocks(part, blocks, from);
          assertEquals(part, all.slice(from, from + length));
        }
      }
    }
  });
}

/** Counts the pieces that it, and the parts of it, are filled with. */
class Counted extends Uint8Array<ArrayBuffer> {
  static pieces = 0;

  override set(...given: Parameters<Uint8Array["set"]>): void {
    Counted.pieces++;
    super.set(...given);
  }

  override copyWithin(...given: Parameters<Uint8Array["copyWithin"]>): this {
    Counted.pieces++;
    return super.copyWithin(...given);
  }
}

Deno.test("blocks of one byte are not put one by one", () => {
  const target = new Counted(new ArrayBuffer(65_536));
  const pattern = Uint8Array.of(7);
  fillWithBlocks(target, { ...blocksOf(1), patternOffset: 0n, pattern }, 0);
  assert(target.every((byte) => byte === 7));
  assert(Counted.pieces <= 20, `${Counted.pieces}`);
});

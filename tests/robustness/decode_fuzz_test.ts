import { assert, assertEquals } from "@std/assert";
import { OPERATIONS } from "../../src/engine/op_table.ts";
import type { MinorVersion } from "../../src/nfs4/constants.ts";
import { XdrError } from "../../src/xdr/error.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { argumentBytes } from "../support/client/mod.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { samples } from "./samples.ts";

const rows = OPERATIONS.filter((row) => row !== undefined);

/** What came of decoding: everything but an XdrError is a fault. */
function decodes(
  number: number,
  bytes: Uint8Array,
  minorVersion: MinorVersion,
): boolean {
  const xdr = new XdrReader(bytes);
  try {
    OPERATIONS[number]!.operation.decode(xdr, minorVersion);
    assert(xdr.position <= bytes.length);
    return true;
  } catch (error) {
    if (error instanceof XdrError) return false;
    const what = `${OPERATIONS[number]!.name} of [${bytes}]`;
    throw new Error(what, { cause: error });
  }
}

function minorOf(number: number, random: SeededRandom): MinorVersion {
  const { since } = OPERATIONS[number]!;
  return since + random.below(3 - since) as MinorVersion;
}

Deno.test("there is a sample of every operation, and each decodes to its last byte", () => {
  const numbers = new Set(samples.map(({ number }) => number));
  assertEquals(
    rows.map(({ name, number }) => numbers.has(number) ? "" : name).join(""),
    "",
  );
  for (const sample of samples) {
    const bytes = argumentBytes(sample);
    const xdr = new XdrReader(bytes);
    OPERATIONS[sample.number]!.operation.decode(xdr, 2);
    assertEquals(xdr.remaining, 0, sample.name);
  }
});

Deno.test("random bytes as arguments of every operation are refused by XdrError only", () => {
  const random = new SeededRandom(0x5eed_0001);
  for (const { number } of rows) {
    for (let round = 0; round < 400; round++) {
      const bytes = random.bytes(random.below(160));
      // Small numbers lead deeper into unions and arrays than noise does.
      if (round % 2 === 0) {
        for (let i = 0; i < bytes.length; i++) {
          bytes[i] = i % 4 === 3 ? random.below(6) : 0;
        }
      }
      decodes(number, bytes, minorOf(number, random));
    }
  }
});

Deno.test("changed arguments of every operation are refused by XdrError only", () => {
  const random = new SeededRandom(0x5eed_0002);
  const seen = { decoded: 0, refused: 0 };
  for (const sample of samples) {
    const original = argumentBytes(sample);
    if (original.length === 0) continue;
    for (let round = 0; round < 300; round++) {
      const bytes = original.slice(0, original.length - random.below(5));
      for (let i = random.below(3); i >= 0 && bytes.length > 0; i--) {
        bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      }
      const minor = minorOf(sample.number, random);
      if (decodes(sample.number, bytes, minor)) seen.decoded++;
      else seen.refused++;
    }
  }
  assert(seen.decoded > 1000 && seen.refused > 1000);
});

Deno.test("a length that is huge, in any place, costs neither time nor memory", () => {
  const started = performance.now();
  for (const sample of samples) {
    const original = argumentBytes(sample);
    for (let at = 0; at + 4 <= original.length; at += 4) {
      for (const length of [0xffff_ffff, 0x7fff_ffff, 0x0010_0000]) {
        const bytes = original.slice();
        new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, length);
        decodes(sample.number, bytes, 2);
      }
    }
  }
  // Some 10,000 of them; an array made as long as it says would take minutes.
  assert(performance.now() - started < 2000);
});

import { assert } from "@std/assert";
import { OPERATIONS } from "../../../src/engine/op_table.ts";
import { Op } from "../../../src/nfs4/constants.ts";
import { XdrError } from "../../../src/xdr/error.ts";
import { XdrReader } from "../../../src/xdr/reader.ts";
import { between, seededRandom } from "../../support/random.ts";
import { memoryFixture } from "./fixture.ts";

/** Words that get further into a decoder than random ones. */
const LIKELY = [0, 1, 2, 3, 4, 5, 8, 16, 0x7fff_ffff, 0xffff_ffff];
const RUNS = 300;

function garbage(random: () => number): Uint8Array {
  const bytes = new Uint8Array(between(random, 0, 40) * 4);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += 4) {
    const likely = LIKELY[between(random, 0, LIKELY.length - 1)]!;
    view.setUint32(at, random() < 0.8 ? likely : random() * 2 ** 32);
  }
  return bytes;
}

Deno.test("whatever the arguments are, each operation reads them or says that they are no XDR", () => {
  const random = seededRandom(1);
  for (const row of OPERATIONS) {
    for (let i = 0; row !== undefined && i < RUNS; i++) {
      const minorVersion = i % 2 === 0 && row.since === 0 ? 0 : 2;
      const xdr = new XdrReader(garbage(random));
      try {
        row.operation.decode(xdr, minorVersion);
        assert(xdr.position <= xdr.end, row.name);
      } catch (error) {
        assert(error instanceof XdrError, `${row.name}: ${error}`);
      }
    }
  }
});

Deno.test("whatever the arguments are, operations on names and attributes answer with a status", async () => {
  const names = [
    ...["PUTFH", "LOOKUP", "GETATTR", "SETATTR", "VERIFY", "NVERIFY", "ACCESS"],
    ...["READDIR", "CREATE", "LINK", "REMOVE", "RENAME", "SECINFO"],
  ] as const;
  const random = seededRandom(2);
  const fixture = memoryFixture({ file: "", folder: { below: "" } });
  for (const name of names) {
    for (let i = 0; i < RUNS; i++) {
      const path = ["/", "file", "folder"][i % 3]!;
      const compound = await fixture.at(path, { minorVersion: 0 });
      compound.context.saved = compound.context.file;
      const { operation } = OPERATIONS[Op[name]]!;
      const bytes = garbage(random);
      try {
        const args = operation.decode(new XdrReader(bytes), 0);
        await compound.status({ ...operation, decode: () => args });
      } catch (error) {
        assert(error instanceof XdrError, `${name}: ${error}`);
      }
    }
  }
});

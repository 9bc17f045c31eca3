import { assert, assertEquals } from "@std/assert";
import { OPERATIONS } from "../../../src/engine/op_table.ts";
import type { AnyOperation } from "../../../src/engine/operation.ts";
import { copyNotify } from "../../../src/engine/ops/copy_notify.ts";
import { getdeviceinfo } from "../../../src/engine/ops/getdeviceinfo.ts";
import { getdevicelist } from "../../../src/engine/ops/getdevicelist.ts";
import { layoutcommit } from "../../../src/engine/ops/layoutcommit.ts";
import { layouterror } from "../../../src/engine/ops/layouterror.ts";
import { layoutget } from "../../../src/engine/ops/layoutget.ts";
import { layoutreturn } from "../../../src/engine/ops/layoutreturn.ts";
import { layoutstats } from "../../../src/engine/ops/layoutstats.ts";
import { Op } from "../../../src/nfs4/constants.ts";
import { XdrError } from "../../../src/xdr/error.ts";
import { XdrReader } from "../../../src/xdr/reader.ts";
import { between, seededRandom } from "../../support/random.ts";
import { bits, memoryFixture, type WriteArgs } from "./fixture.ts";

/** Arguments in a word: s a stateid, q a hyper, w a word, t true, f false, o an opaque, d a device id. */
function args(letters: string): WriteArgs {
  return (xdr) => {
    for (const letter of letters) {
      if (letter === "s" || letter === "d") xdr.opaqueFixed(new Uint8Array(16));
      else if (letter === "q") xdr.uint64(2n ** 64n - 1n);
      else if (letter === "w") xdr.uint32(1);
      else if (letter === "t" || letter === "f") xdr.bool(letter === "t");
      else xdr.opaque(Uint8Array.of(1, 2, 3));
    }
  };
}

const then = (...writes: WriteArgs[]): WriteArgs => (xdr) =>
  writes.forEach((write) => write(xdr));

/** netloc4. */
const address: WriteArgs = (xdr) => {
  xdr.uint32(3);
  xdr.string("tcp");
  xdr.string("127.0.0.1.8.1");
};
const CASES: Record<string, [AnyOperation, WriteArgs]> = {
  "COPY_NOTIFY": [copyNotify, then(args("s"), address)],
  "GETDEVICEINFO": [getdeviceinfo, then(args("dww"), bits(1))],
  "GETDEVICELIST": [getdevicelist, args("wwqq")],
  "LAYOUTCOMMIT": [layoutcommit, args("qqfstqtqwwo")],
  "LAYOUTCOMMIT without offset and time": [layoutcommit, args("qqtsffwo")],
  "LAYOUTERROR": [layouterror, then(args("qqs"), args("w"), args("dww"))],
  "LAYOUTGET": [layoutget, args("twwqqqsw")],
  "LAYOUTRETURN of a file": [layoutreturn, args("fwwwqqso")],
  "LAYOUTRETURN of all": [
    layoutreturn,
    then(args("fww"), (xdr) => xdr.uint32(3)),
  ],
  "LAYOUTSTATS": [layoutstats, args("qqsqqqqdwo")],
};

for (const [name, [operation, write]] of Object.entries(CASES)) {
  Deno.test(`${name} is NOTSUPP, its arguments read in full, or BADXDR when they are cut`, async () => {
    const root = await memoryFixture().at("/", { minorVersion: 2 });
    assertEquals(await root.status(operation, write), "NFS4ERR_NOTSUPP");
    const cut = await root.status(operation, (xdr) => {
      write(xdr);
      xdr.truncate(xdr.position - 4);
    });
    assertEquals(cut, "NFS4ERR_BADXDR");
  });
}

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

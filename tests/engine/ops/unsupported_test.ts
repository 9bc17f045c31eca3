import { assertEquals } from "@std/assert";
import type { AnyOperation } from "../../../src/engine/operation.ts";
import { copyNotify } from "../../../src/engine/ops/copy_notify.ts";
import { getdeviceinfo } from "../../../src/engine/ops/getdeviceinfo.ts";
import { getdevicelist } from "../../../src/engine/ops/getdevicelist.ts";
import { layoutcommit } from "../../../src/engine/ops/layoutcommit.ts";
import { layouterror } from "../../../src/engine/ops/layouterror.ts";
import { layoutget } from "../../../src/engine/ops/layoutget.ts";
import { layoutreturn } from "../../../src/engine/ops/layoutreturn.ts";
import { layoutstats } from "../../../src/engine/ops/layoutstats.ts";
import { openattr } from "../../../src/engine/ops/openattr.ts";
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
  "OPENATTR": [openattr, args("t")],
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

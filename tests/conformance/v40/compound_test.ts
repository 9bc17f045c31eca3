import { assert, assertEquals } from "@std/assert";
import { Op, Status } from "../../../src/nfs4/constants.ts";
import { defaultLimits } from "../../../src/engine/limits.ts";
import { bytesOf, op, walk } from "../../support/client/mod.ts";
import { startFixture } from "./fixture.ts";

Deno.test("a COMPOUND of nothing is OK, its tag echoed (RFC 7530 14.2.3)", async () => {
  await using fixture = await startFixture();
  const { client } = fixture;
  for (const tag of ["", "a tag", "ä".repeat(100)]) {
    const reply = await client.compound([], { tag });
    assertEquals(reply.results, []);
  }
});

Deno.test("a tag that is no UTF-8 is INVAL, and echoed (RFC 7530 14.2.3, 12.1)", async () => {
  await using fixture = await startFixture();
  for (
    const bytes of [[0xc0, 0xaf], [0xff], [0xe0, 0x20], [0xed, 0xa0, 0x80]]
  ) {
    const tag = Uint8Array.from(bytes);
    await fixture.client.expectStatus(Status.INVAL, [op.putrootfh()], { tag });
  }
});

Deno.test("operations that never were are OP_ILLEGAL, those before them carried out (RFC 7530 14.2.3, 16.38)", async () => {
  await using fixture = await startFixture();
  // 40 and above came with NFSv4.1.
  for (const number of [0, 1, 2, 40, 53, 58, 59, 72, 200, 10043, Op.ILLEGAL]) {
    const reply = await fixture.client.expectStatus(Status.OP_ILLEGAL, [
      op.putrootfh(),
      op.raw(number),
    ]);
    assertEquals(reply.results.map(({ name }) => name), [
      "PUTROOTFH",
      "ILLEGAL",
    ]);
  }
});

Deno.test("what NFSv4.0 knows and the server does not is NOTSUPP, its arguments read (RFC 7530 13.1.1.5)", async () => {
  await using fixture = await startFixture();
  assertEquals(
    await fixture.status(op.putrootfh(), op.openattr(true)),
    "NOTSUPP",
  );
});

Deno.test("a COMPOUND may be long; one too long is RESOURCE, with nothing done (RFC 7530 13.1.10.3)", async () => {
  await using fixture = await startFixture();
  const three = [op.putrootfh(), op.getfh(), op.getattr(["size"])];
  const many = (n: number) => Array.from({ length: n }, () => three).flat();
  await fixture.ok(...many(Math.floor(defaultLimits.maxOperations / 3)));
  for (const n of [100, 1000, 5000]) {
    const reply = await fixture.client.expectStatus(Status.RESOURCE, many(n));
    assertEquals(reply.results, []);
  }
  // The connection is as good as before.
  await fixture.ok(op.putrootfh());
});

Deno.test("many GETATTRs in one COMPOUND are answered or refused, never cut (RFC 7530 14.2.3)", async () => {
  await using fixture = await startFixture();
  const getattr = op.getattr(["supported_attrs", "type", "change", "fsid"]);
  for (const n of [50, 60, 90]) {
    const all = [
      ...walk(["file"]),
      ...Array.from({ length: n }, () => getattr),
    ];
    const reply = await fixture.client.compound(all, {
      expect: [Status.OK, Status.RESOURCE],
    });
    assert(reply.status === Status.RESOURCE || reply.results.length === n + 2);
  }
});

Deno.test("a filehandle of another server or none at all is BADHANDLE, an empty one too (RFC 7530 13.1.2.1)", async () => {
  await using fixture = await startFixture();
  const put = (bytes: Uint8Array) => fixture.status(op.putfh(bytes));
  assertEquals(await put(bytesOf("abc")), "BADHANDLE");
  assertEquals(await put(new Uint8Array(0)), "BADHANDLE");
  assertEquals(await put(new Uint8Array(32)), "BADHANDLE");
  assertEquals(await put(new Uint8Array(128).fill(1)), "BADHANDLE");
  // RFC 7530 2.1: NFS4_FHSIZE.
  assertEquals(await put(new Uint8Array(129)), "BADXDR");
});

Deno.test("a filehandle of a removed file is STALE (RFC 7530 13.1.2.8)", async () => {
  await using fixture = await startFixture();
  const { filehandle } = (await fixture.ok(...walk(["fifo"]), op.getfh()))
    .get("GETFH");
  await fixture.ok(op.putrootfh(), op.remove("fifo"));
  assertEquals(await fixture.status(op.putfh(filehandle)), "STALE");
});

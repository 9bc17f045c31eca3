import { assertEquals, assertNotEquals } from "@std/assert";
import { Share, Status } from "../../../src/nfs4/constants.ts";
import {
  bypassStateid,
  bytesOf,
  CreateMode,
  op,
  type Request,
  Stable,
  type Stateid,
  walk,
} from "../../support/client/mod.ts";
import { CONTENT, type Fixture, startFixture } from "./fixture.ts";

const text = new TextDecoder();

async function read(
  fixture: Fixture,
  at: readonly Request[],
  offset: bigint,
  count: number,
  stateid?: Stateid,
): Promise<[string, boolean]> {
  const reply = await fixture.ok(...at, op.read({ offset, count, stateid }));
  const { data, eof } = reply.get("READ");
  return [text.decode(data), eof];
}

/** A file of 32 zeros that nobody denies. */
function zeros(fixture: Fixture) {
  const attributes = { size: 32n, mode: 0o644 };
  return fixture.open("new", {
    create: { mode: CreateMode.GUARDED, attributes },
  });
}

Deno.test("READ: in the middle, at the end, behind it, and nothing (RFC 7530 16.23.4)", async () => {
  await using fixture = await startFixture();
  const at = walk(["file"]);
  const end = CONTENT.length;
  assertEquals(await read(fixture, at, 0n, 2048), [CONTENT, true]);
  assertEquals(await read(fixture, at, 2n, 2, bypassStateid), [
    CONTENT.slice(2, 4),
    false,
  ]);
  assertEquals(await read(fixture, at, 5n, end - 5), [CONTENT.slice(5), true]);
  assertEquals(await read(fixture, at, BigInt(end), 10), ["", true]);
  assertEquals(await read(fixture, at, 1000n, 10), ["", true]);
  assertEquals(await read(fixture, at, (1n << 64n) - 1n, 10), ["", true]);
  assertEquals(await read(fixture, at, 5n, 0), ["", false]);
  const { filehandle, stateid } = await fixture.open("file", {
    access: Share.ACCESS_READ,
  });
  const opened = [op.putfh(filehandle)];
  assertEquals(await read(fixture, opened, 5n, 1000, stateid), [
    CONTENT.slice(5),
    true,
  ]);
});

Deno.test("WRITE at least as stably as asked, under each stateid (RFC 7530 16.36.4)", async () => {
  await using fixture = await startFixture();
  const { filehandle, stateid } = await zeros(fixture);
  const at = [op.putfh(filehandle)];
  for (const under of [undefined, bypassStateid, stateid]) {
    for (const stable of Object.values(Stable)) {
      const reply = await fixture.ok(
        ...at,
        op.write({ stateid: under, stable, data: "write data", offset: 5n }),
      );
      const { count, committed } = reply.get("WRITE");
      assertEquals(count, 10);
      assertEquals(committed >= stable, true);
    }
  }
  assertEquals(await read(fixture, at, 0n, 20), [
    "\0".repeat(5) + "write data" + "\0".repeat(5),
    false,
  ]);
  await fixture.ok(...at, op.write({ offset: 50n, data: "far" }));
  assertEquals(await read(fixture, at, 45n, 20), [
    "\0".repeat(5) + "far",
    true,
  ]);
});

Deno.test("WRITE of nothing is OK and changes nothing (RFC 7530 16.36.4)", async () => {
  await using fixture = await startFixture();
  const { filehandle, stateid } = await zeros(fixture);
  const wanted = ["time_modify", "time_metadata", "change", "size"] as const;
  const reply = await fixture.ok(
    op.putfh(filehandle),
    op.getattr(wanted),
    op.write({ stateid, data: "", offset: 5n }),
    op.getattr(wanted),
  );
  assertEquals(reply.get("WRITE").count, 0);
  const [before, after] = [reply.get("GETATTR"), reply.get("GETATTR", 1)];
  assertEquals(after.attributes, before.attributes);
});

Deno.test("the largest WRITE and READ that are promised are carried out (RFC 7530 5.8.2.20, 5.8.2.21)", async () => {
  await using fixture = await startFixture();
  const { filehandle, stateid } = await fixture.open("new");
  const limits = await fixture.ok(
    op.putfh(filehandle),
    op.getattr(["maxread", "maxwrite"]),
  );
  const { maxread, maxwrite } = limits.get("GETATTR").attributes;
  const data = new Uint8Array(Number(maxwrite));
  for (let i = 0; i < data.length; i++) data[i] = i * 7 + (i >> 8);
  const written = await fixture.ok(
    ...walk([]),
    op.lookup("new"),
    op.write({ stateid, data }),
  );
  assertEquals(written.get("WRITE").count, data.length);
  const count = Math.min(Number(maxread), data.length);
  const reply = await fixture.ok(
    op.putfh(filehandle),
    op.read({ stateid, count }),
  );
  const got = reply.get("READ");
  assertEquals(got.data.length, count);
  assertEquals(got.data.every((byte, i) => byte === data[i]), true);
});

Deno.test("READ of more than maxread is answered with what there may be (RFC 7530 16.23.4)", async () => {
  await using fixture = await startFixture();
  const size = 3_000_000n;
  const { filehandle, stateid } = await fixture.open("new", {
    create: { mode: CreateMode.GUARDED, attributes: { size } },
  });
  const reply = await fixture.ok(
    op.putfh(filehandle),
    op.read({ stateid, count: 2_900_000 }),
  );
  const { data, eof } = reply.get("READ");
  assertEquals(eof, false);
  assertEquals(data.length > 0 && data.every((byte) => byte === 0), true);
});

Deno.test("a request beyond all limits costs its connection, and nobody else anything (RFC 7530 13.1.10.3)", async () => {
  await using fixture = await startFixture();
  const peer = await fixture.peer();
  const { filehandle } = await fixture.open("new");
  const data = new Uint8Array(2_048_576);
  const outcome = await peer.client.compound(
    [op.putfh(filehandle), op.write({ data })],
    { expect: "any" },
  ).then(({ status }) => status, (error) => error.name);
  assertEquals(outcome, "ConnectionLost");
  assertEquals(await read(fixture, [op.putfh(filehandle)], 0n, 10), ["", true]);
});

Deno.test("WRITEs of every length are taken off the wire as they are (RFC 4506 4.10)", async () => {
  await using fixture = await startFixture();
  const { filehandle } = await fixture.open("new");
  const data = new Uint8Array(1030).map((_, i) => i);
  for (let length = 0; length <= data.length; length++) {
    const reply = await fixture.ok(
      op.putfh(filehandle),
      op.write({ data: data.subarray(0, length) }),
      op.read({ count: length }),
      op.getattr(["size"]),
    );
    assertEquals(reply.get("WRITE").count, length);
    assertEquals(reply.get("READ").data, data.subarray(0, length));
  }
});

Deno.test("several WRITEs, then several READs, in one COMPOUND (RFC 7530 14.2.3)", async () => {
  await using fixture = await startFixture();
  const { filehandle, stateid } = await fixture.open("new");
  const data = new Uint8Array(15284).map((_, i) => i ^ i >> 8);
  const cut = (points: number[]) =>
    points.slice(1).map((end, i) => [points[i]!, end] as const);
  const writes = cut([0, 516, 3025, 7026, 8192, 15284]).map(([from, to]) =>
    op.write({ stateid, offset: BigInt(from), data: data.subarray(from, to) })
  );
  await fixture.ok(op.putfh(filehandle), ...writes);
  const pieces = cut([0, 9010, 9011, 12288, 15284]);
  const reply = await fixture.ok(
    op.putfh(filehandle),
    ...pieces.map(([from, to]) =>
      op.read({ stateid, offset: BigInt(from), count: to - from })
    ),
  );
  pieces.forEach(([from, to], i) =>
    assertEquals(reply.get("READ", i).data, data.subarray(from, to))
  );
});

Deno.test("READ and WRITE of 256 KiB each in one COMPOUND (RFC 7530 14.2.3)", async () => {
  await using fixture = await startFixture();
  const size = 262_144;
  const { filehandle, stateid } = await fixture.open("new", {
    create: { mode: CreateMode.GUARDED, attributes: { size: BigInt(size) } },
  });
  const data = new Uint8Array(size).fill(65);
  const reply = await fixture.ok(
    op.putfh(filehandle),
    op.read({ stateid, count: size }),
    op.write({ stateid, data }),
    op.read({ stateid, count: size }),
  );
  assertEquals(reply.get("READ").data, new Uint8Array(size));
  assertEquals(reply.get("READ", 1).data, data);
});

Deno.test("COMMIT of any range; one beyond 2^64 is INVAL (RFC 7530 16.3.4)", async () => {
  await using fixture = await startFixture();
  const { filehandle, stateid } = await fixture.open("new");
  const written = await fixture.ok(
    op.putfh(filehandle),
    op.write({ stateid, data: "some" }),
  );
  const { verifier } = written.get("WRITE");
  const ranges: [bigint, number][] = [
    [0n, 0],
    [1n, 0],
    [1n, 1],
    [0n, 0xffff_ffff],
    [(1n << 64n) - 1n, 0],
    [(1n << 64n) - 2n, 0],
  ];
  for (const [offset, count] of ranges) {
    const reply = await fixture.ok(
      op.putfh(filehandle),
      op.commit(offset, count),
    );
    assertEquals(reply.get("COMMIT").verifier, verifier);
  }
  await fixture.client.expectStatus(Status.INVAL, [
    op.putfh(filehandle),
    op.commit((1n << 64n) - 16n, 64),
  ]);
});

Deno.test("a restarted server has another write verifier (RFC 7530 16.36.4)", async () => {
  const verifiers: Uint8Array[] = [];
  for (let i = 0; i < 2; i++) {
    await using fixture = await startFixture();
    const { filehandle } = await fixture.open("new");
    const write = op.write({ data: bytesOf("x") });
    const reply = await fixture.ok(op.putfh(filehandle), write);
    verifiers.push(reply.get("WRITE").verifier);
  }
  assertNotEquals(verifiers[0], verifiers[1]);
});

import { assert, assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import type { FileSystem } from "../../../src/vfs/mod.ts";
import { Fixture, type WriteArgs } from "./fixture.ts";
import { hex } from "../../support/client/names.ts";
import type { Operation } from "../../../src/engine/operation.ts";
import { ioAdvise } from "../../../src/engine/ops/io_advise.ts";
import { readPlus as readPlusOperation } from "../../../src/engine/ops/read_plus.ts";
import { seek as seekOperation } from "../../../src/engine/ops/seek.ts";
import {
  type DelegationPolicy,
  noDelegations,
} from "../../../src/state/delegations.ts";
import { waiting } from "../../robustness/fixture.ts";
import {
  anonymousStateid,
  bypassStateid,
  Content,
  op,
  type Request,
  type Stateid,
  walk,
} from "../../support/client/mod.ts";
import { AT_FILE, type StateClient, StateFixture } from "../state_fixture.ts";

const READ = 1;
const WRITE = 2;
const PAGE = 65_536;
const LAST = 2n ** 64n - 1n;

type Range = [offset: bigint, length: bigint];

const change = (
  name: "allocate" | "deallocate",
  [offset, length]: Range = [0n, 1n],
  stateid: Stateid = anonymousStateid,
) => op[name]({ stateid, offset, length });

const seek = (offset: bigint, what: number, stateid = anonymousStateid) =>
  op.seek({ stateid, offset, what });

const readPlus = (offset: bigint, count: number, stateid = anonymousStateid) =>
  op.readPlus({ stateid, offset, count });

const same = (stateid = anonymousStateid) =>
  op.writeSame({
    ...{ stateid, offset: 0n, blockSize: 4n, blockCount: 2n },
    pattern: Uint8Array.of(1),
  });

const advise = (stateid = anonymousStateid) =>
  op.ioAdvise({ stateid, offset: 0n, length: 0n, hints: [1, 4] });

/** The operations by what they do to a file. */
const changing = (stateid?: Stateid) => [
  change("allocate", [0n, 1n], stateid),
  change("deallocate", [0n, 1n], stateid),
  same(stateid),
];
const reading = (stateid?: Stateid) => [
  seek(0n, Content.DATA, stateid),
  readPlus(0n, 1, stateid),
];

/** A file system without the methods for ranges. */
function plain(fs: FileSystem): FileSystem {
  const left = new Set<string | symbol>(["allocate", "deallocate", "seek"]);
  return new Proxy(fs, {
    get(target, name) {
      if (left.has(name)) return undefined;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const systems: Record<string, (fs: FileSystem) => FileSystem> = {
  "at once": (fs) => fs,
  "by promises": (fs) => waiting(fs),
};

/** "file" of 4 pages: one of data, two of a hole, one of data. */
async function sparse(client: StateClient): Promise<void> {
  const data = new Uint8Array(PAGE).fill(7);
  for (const offset of [0n, BigInt(3 * PAGE)]) {
    await client.ok("WRITE", ...AT_FILE, op.write({ data, offset }));
  }
}

/** The status of each request on the file, one after the other. */
async function statuses(
  client: StateClient,
  requests: readonly Request[],
): Promise<string[]> {
  const all: string[] = [];
  for (const request of requests) {
    all.push(await client.status(...AT_FILE, request));
  }
  return all;
}

async function attributes(client: StateClient) {
  const names = ["size", "change", "space_used", "time_modify"] as const;
  return (await client.ok("GETATTR", ...AT_FILE, op.getattr([...names])))
    .attributes;
}

async function content(client: StateClient): Promise<number[]> {
  const read = op.read({ count: 2 ** 20 });
  return [...(await client.ok("READ", ...AT_FILE, read)).data];
}

for (const [how, system] of Object.entries(systems)) {
  const fixture = (fs: FileSystem = memory({ file: "content" })) =>
    new StateFixture({ fs: system(fs) });
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`ranges ${how}: ${name}`, body);

  test("SEEK finds data and holes, and the hole at the end (RFC 7862 15.11.3)", async () => {
    const client = await fixture().client(2);
    await sparse(client);
    const find = async (offset: bigint, what: number) => {
      const found = await client.ok("SEEK", ...AT_FILE, seek(offset, what));
      return [found.eof, Number(found.offset) / PAGE];
    };
    const { DATA, HOLE } = Content;
    assertEquals(await find(0n, DATA), [false, 0]);
    assertEquals(await find(0n, HOLE), [false, 1]);
    assertEquals(await find(BigInt(2 * PAGE), HOLE), [false, 2]);
    assertEquals(await find(BigInt(2 * PAGE), DATA), [false, 3]);
    assertEquals(await find(BigInt(3 * PAGE), HOLE), [true, 4]);
    await client.call(...AT_FILE, op.setattr({ size: BigInt(5 * PAGE) }));
    assertEquals(await find(BigInt(4 * PAGE), DATA), [true, 5]);
    assertEquals(await find(BigInt(3 * PAGE), HOLE), [false, 4]);
  });

  test("SEEK behind the end, or for what there is not, is refused (RFC 7862 15.11.3)", async () => {
    const client = await fixture().client(2);
    const status = (offset: bigint, what: number) =>
      client.status(...AT_FILE, seek(offset, what));
    assertEquals(await status(6n, Content.HOLE), "OK");
    for (const offset of [7n, 8n, 2n ** 53n, LAST]) {
      assertEquals(await status(offset, Content.DATA), "NXIO");
      assertEquals(await status(offset, Content.HOLE), "NXIO");
    }
    assertEquals(await status(0n, 2), "UNION_NOTSUPP");
  });

  test("READ_PLUS tells holes by their length (RFC 7862 15.10.3)", async () => {
    const client = await fixture().client(2);
    await sparse(client);
    const read = async (offset: number, count: number) => {
      const request = readPlus(BigInt(offset), count);
      const { eof, segments } = await client.ok(
        ...["READ_PLUS", ...AT_FILE, request] as const,
      );
      return [
        eof,
        ...segments.map((segment) =>
          "data" in segment
            ? [Number(segment.offset), "data", segment.data.length]
            : [Number(segment.offset), "hole", Number(segment.hole)]
        ),
      ];
    };
    assertEquals(await read(0, 4 * PAGE), [
      true,
      [0, "data", PAGE],
      [PAGE, "hole", 2 * PAGE],
      [3 * PAGE, "data", PAGE],
    ]);
    // No more of the hole than was asked for.
    assertEquals(await read(PAGE - 5, 10), [
      false,
      [PAGE - 5, "data", 5],
      [PAGE, "hole", 5],
    ]);
    assertEquals(await read(4 * PAGE - 3, 100), [
      true,
      [4 * PAGE - 3, "data", 3],
    ]);
    assertEquals(await read(4 * PAGE, 100), [true]);
    assertEquals(await read(0, 0), [false]);
    assertEquals(await read(4 * PAGE, 0), [true]);
    await client.call(...AT_FILE, op.setattr({ size: BigInt(6 * PAGE) }));
    const hole = [5 * PAGE, "hole", PAGE];
    assertEquals(await read(5 * PAGE, 2 ** 32 - 1), [true, hole]);
    await client.call(...AT_FILE, op.setattr({ size: 0n }));
    assertEquals(await read(0, 100), [true]);
    const beyond = readPlus(LAST, 2 ** 32 - 1);
    const { eof } = await client.ok("READ_PLUS", ...AT_FILE, beyond);
    assertEquals(eof, true);
  });

  test("READ_PLUS tells 16 parts at most, the last of them as data (RFC 7862 15.10.3)", async () => {
    const client = await fixture(memory({ file: "" })).client(2);
    const data = Uint8Array.of(1);
    for (let i = 1; i < 16; i += 2) {
      const offset = BigInt(i * PAGE);
      await client.ok("WRITE", ...AT_FILE, op.write({ data, offset }));
    }
    const size = BigInt(16 * PAGE);
    await client.call(...AT_FILE, op.setattr({ size }));
    const request = readPlus(0n, 16 * PAGE);
    const { eof, segments } = await client.ok(
      ...["READ_PLUS", ...AT_FILE, request] as const,
    );
    assertEquals(segments.length, 16);
    let at = 0n;
    for (const segment of segments) {
      assertEquals(segment.offset, at);
      at += "data" in segment ? BigInt(segment.data.length) : segment.hole;
    }
    assertEquals([eof, at], [true, size]);
    assertEquals("data" in segments.at(-1)!, true);
    // Where the last of them is a hole, more is to be asked for.
    await client.ok("WRITE", ...AT_FILE, op.write({ data, offset: 0n }));
    const less = await client.ok("READ_PLUS", ...AT_FILE, request);
    assertEquals([less.eof, less.segments.length], [false, 16]);
  });

  test("ALLOCATE lengthens the file, and takes room (RFC 7862 15.1.3)", async () => {
    const client = await fixture().client(2);
    const before = await attributes(client);
    const range: Range = [BigInt(PAGE), BigInt(PAGE)];
    await client.ok("ALLOCATE", ...AT_FILE, change("allocate", range));
    const after = await attributes(client);
    assertEquals(after.size, BigInt(2 * PAGE));
    assert(after.space_used! >= before.space_used! + BigInt(PAGE));
    assert(after.change! > before.change!);
    assertEquals(
      (await content(client)).slice(7).every((it) => it === 0),
      true,
    );
    await client.ok("ALLOCATE", ...AT_FILE, change("allocate", [0n, 7n]));
    assertEquals((await attributes(client)).size, BigInt(2 * PAGE));
  });

  test("DEALLOCATE leaves zeros and the size (RFC 7862 15.4.3)", async () => {
    const client = await fixture().client(2);
    await sparse(client);
    const before = await attributes(client);
    const range: Range = [BigInt(3 * PAGE), BigInt(9 * PAGE)];
    await client.ok("DEALLOCATE", ...AT_FILE, change("deallocate", range));
    const after = await attributes(client);
    assertEquals(after.size, before.size);
    assertEquals(after.space_used, before.space_used! - BigInt(PAGE));
    assert(after.change! > before.change!);
    await client.ok("DEALLOCATE", ...AT_FILE, change("deallocate", [2n, 3n]));
    const left = (await content(client)).slice(0, 8);
    assertEquals(left, [7, 7, 0, 0, 0, 7, 7, 7]);
  });

  test("ranges that no file can have are refused (RFC 7862 11.2)", async () => {
    const client = await fixture().client(2);
    for (const name of ["allocate", "deallocate"] as const) {
      const status = (...range: Range) =>
        client.status(...AT_FILE, change(name, range));
      assertEquals(await status(0n, 0n), "INVAL");
      assertEquals(await status(2n, LAST), "INVAL");
      assertEquals(await status(LAST, LAST), "INVAL");
      assertEquals(await status(1n, LAST), "FBIG");
      assertEquals(await status(0n, LAST), "FBIG");
      assertEquals(await status(2n ** 53n - 1n, 1n), "FBIG");
    }
    assertEquals((await attributes(client)).size, 7n);
  });

  test("ALLOCATE of more than there is room for is NOSPC, and nothing is changed", async () => {
    const fs = memory({ file: "content" }, { maxBytes: 2 ** 20 });
    const client = await fixture(fs).client(2);
    const { freeBytes } = fs.status();
    for (const length of [2n ** 20n, 2n ** 53n - 9n]) {
      const request = change("allocate", [8n, length]);
      assertEquals(await client.status(...AT_FILE, request), "NOSPC");
    }
    assertEquals(fs.status().freeBytes, freeBytes);
    assertEquals((await attributes(client)).size, 7n);
  });

  test("WRITE_SAME writes numbered blocks (RFC 7862 8.1.1, 15.12.3)", async () => {
    const client = await fixture().client(2);
    const written = await client.ok(
      ...["WRITE_SAME", ...AT_FILE] as const,
      op.writeSame({
        ...{ stateid: anonymousStateid, offset: 2n, stable: 2 },
        ...{ blockSize: 8n, blockCount: 3n, firstNumber: 0xffff_ffff },
        ...{ numberOffset: 4n, patternOffset: 1n },
        pattern: Uint8Array.of(0xaa, 0xbb),
      }),
    );
    const { callbackId, count, committed } = written;
    assertEquals([callbackId, count, committed], [undefined, 24n, 2]);
    const { verifier } = await client.ok("COMMIT", ...AT_FILE, op.commit());
    assertEquals(written.verifier, verifier);
    const block = (...number: number[]) => [0, 0xaa, 0xbb, 0, ...number];
    const first = [..."co"].map((letter) => letter.charCodeAt(0));
    assertEquals(await content(client), [
      ...first,
      ...block(0xff, 0xff, 0xff, 0xff),
      ...block(0, 0, 0, 0),
      ...block(0, 0, 0, 1),
    ]);
  });

  test("WRITE_SAME is as much as a WRITE may be, in whole blocks", async () => {
    const fs = system(memory({ file: "" }));
    const limits = { maxWrite: 3 * PAGE };
    const client = await new StateFixture({ fs, limits }).client(2);
    const write = async (blockSize: number, blockCount: bigint) => {
      const { count } = await client.ok(
        ...["WRITE_SAME", ...AT_FILE] as const,
        op.writeSame({
          ...{ stateid: anonymousStateid, offset: 0n, blockCount },
          ...{ blockSize: BigInt(blockSize), patternOffset: 9n },
          pattern: Uint8Array.of(5),
        }),
      );
      return [Number(count), Number((await attributes(client)).size)];
    };
    const block = 50_000;
    assertEquals(await write(block, 2n ** 32n), [3 * block, 3 * block]);
    const bytes = await content(client);
    const at = bytes.flatMap((byte, i) => byte === 0 ? [] : [[i, byte]]);
    assertEquals(at, [9, 9 + block, 9 + 2 * block].map((i) => [i, 5]));
    // One that is more than all of that.
    assertEquals(await write(4 * PAGE, 1n), [3 * PAGE, 3 * PAGE]);
    assertEquals(await write(10, 0n), [0, 3 * PAGE]);
  });

  test("WRITE_SAME of blocks that can't be is refused", async () => {
    const client = await fixture().client(2);
    const status = (options: object) => {
      const sound = { stateid: anonymousStateid, offset: 0n, blockSize: 8n };
      const pattern = Uint8Array.of(1, 2);
      const blocks = { ...sound, blockCount: 2n, pattern, ...options };
      return client.status(...AT_FILE, op.writeSame(blocks));
    };
    assertEquals(await status({}), "OK");
    assertEquals(await status({ blockSize: 0n }), "INVAL");
    assertEquals(await status({ patternOffset: 7n }), "INVAL");
    assertEquals(await status({ patternOffset: LAST - 1n }), "INVAL");
    assertEquals(await status({ numberOffset: 5n }), "INVAL");
    assertEquals(await status({ blockCount: LAST }), "INVAL");
    assertEquals(await status({ offset: LAST }), "INVAL");
    assertEquals(await status({ blockCount: 2n ** 50n }), "FBIG");
    assertEquals(await status({ offset: 2n ** 60n }), "FBIG");
  });

  test("IO_ADVISE follows no hint (RFC 7862 15.5.3)", async () => {
    const client = await fixture().client(2);
    const { hints } = await client.ok("IO_ADVISE", ...AT_FILE, advise());
    assertEquals(hints, []);
    const stateid = await client.open("file", { access: READ });
    assertEquals(await statuses(client, [advise(stateid)]), ["OK"]);
    const unknown = { seqid: 1, other: new Uint8Array(12).fill(9) };
    const range = { offset: LAST, length: 2n, hints: [1] };
    assertEquals(
      await statuses(client, [
        advise(unknown),
        op.ioAdvise({ stateid, ...range }),
      ]),
      ["BAD_STATEID", "INVAL"],
    );
  });

  test("a file system that can't tell has no holes, and gives none", async () => {
    const client = await fixture(plain(memory({ file: "content" }))).client(2);
    const { eof, offset } = await client.ok(
      ...["SEEK", ...AT_FILE, seek(2n, Content.HOLE)] as const,
    );
    assertEquals([eof, offset], [true, 7n]);
    const data = await client.ok(
      ...["SEEK", ...AT_FILE, seek(2n, Content.DATA)] as const,
    );
    assertEquals([data.eof, data.offset], [false, 2n]);
    await client.call(...AT_FILE, op.setattr({ size: BigInt(PAGE) }));
    const read = await client.ok(
      ...["READ_PLUS", ...AT_FILE, readPlus(0n, 2 * PAGE)] as const,
    );
    assertEquals(read.eof, true);
    assertEquals(read.segments.map((it) => "data" in it && it.data.length), [
      PAGE,
    ]);
    assertEquals(await statuses(client, changing()), [
      "NOTSUPP",
      "NOTSUPP",
      "OK",
    ]);
  });

  test("setuid goes with a range that is changed, but for root", async () => {
    for (const [uid, mode] of [[7, 0o777], [0, 0o4777]] as const) {
      for (const i of changing().keys()) {
        const server = fixture();
        const root = await server.client(2);
        const client = await server.client(2, { uid });
        await root.call(...AT_FILE, op.setattr({ mode: 0o4777 }));
        const stateid = await client.open("file", { access: WRITE });
        await client.ok("GETFH", ...AT_FILE, changing(stateid)[i]!, op.getfh());
        const got = await root.ok("GETATTR", ...AT_FILE, op.getattr(["mode"]));
        assertEquals(got.attributes.mode, mode);
      }
    }
  });
}

Deno.test("ranges are changed under what WRITE needs, and looked at under what READ does (RFC 7862 15.1.3, 15.11.3)", async () => {
  const fixture = new StateFixture();
  const client = await fixture.client(2);
  const reader = await client.open("file", { access: READ, owner: "r" });
  const writer = await client.open("file", { access: WRITE, owner: "w" });
  const all = (stateid: Stateid) =>
    statuses(client, [...changing(stateid), ...reading(stateid)]);
  const [refused, fine] = [Array(3).fill("OPENMODE"), Array(3).fill("OK")];
  assertEquals(await all(reader), [...refused, "OK", "OK"]);
  assertEquals(await all(writer), [...fine, "OK", "OK"]);
  const other = await fixture.client(2);
  const foreign = await statuses(other, [
    ...changing(writer),
    ...reading(writer),
  ]);
  assertEquals(foreign, Array(5).fill("BAD_STATEID"));
});

Deno.test("opens that deny it are in the way of ranges without a state (RFC 8881 8.2.3)", async () => {
  const fixture = new StateFixture();
  const client = await fixture.client(2);
  const other = await fixture.client(2);
  await client.open("file", { access: READ, deny: READ, owner: "a" });
  const all = (stateid?: Stateid) =>
    statuses(other, [...changing(stateid), ...reading(stateid)]);
  const fine = Array(3).fill("OK");
  assertEquals(await all(), [...fine, "LOCKED", "LOCKED"]);
  assertEquals(await all(bypassStateid), [...fine, "OK", "OK"]);
  await client.open("file", { access: WRITE, deny: WRITE, owner: "b" });
  const locked = Array(3).fill("LOCKED");
  assertEquals(await all(bypassStateid), [...locked, "OK", "OK"]);
});

Deno.test("ranges without a state wait for the end of the grace period (RFC 8881 8.4.2.1)", async () => {
  const fixture = new StateFixture({ graceMs: 1000 });
  const client = await fixture.client(2);
  const all = [...changing(), ...reading()];
  assertEquals(await statuses(client, all), Array(5).fill("GRACE"));
  assertEquals(await statuses(client, [advise()]), ["OK"]);
});

Deno.test("a delegation of another client is recalled before a range is changed (RFC 8881 10.4.4)", async () => {
  for (const [i, name] of ["ALLOCATE", "DEALLOCATE", "WRITE_SAME"].entries()) {
    let recalls = 0;
    const delegations: DelegationPolicy = {
      ...noDelegations,
      offer: () => "read",
      recall: () => void recalls++,
    };
    const fixture = new StateFixture({ delegations });
    const client = await fixture.client(2);
    const opened = await client.ok(
      "OPEN",
      op.putrootfh(),
      client.openOp("file", { access: READ }),
    );
    const { stateid } = opened.delegation as { stateid: Stateid };
    const other = await fixture.client(2);
    assertEquals(await statuses(other, reading()), ["OK", "OK"], name);
    const request = changing()[i]!;
    assertEquals(await statuses(other, [request]), ["DELAY"], name);
    assertEquals(recalls, 1, name);
    await client.ok("DELEGRETURN", ...AT_FILE, op.delegreturn(stateid));
    assertEquals(await statuses(other, [request]), ["OK"], name);
  }
});

Deno.test("who may not write a file changes no range of it, and who may not read it sees none", async () => {
  const fixture = new StateFixture();
  const root = await fixture.client(2);
  await root.call(...AT_FILE, op.setattr({ mode: 0o604, owner: "5" }));
  const client = await fixture.client(2, { uid: 7 });
  const access = Array(3).fill("ACCESS");
  const all = [...changing(), ...reading()];
  assertEquals(await statuses(client, all), [...access, "OK", "OK"]);
  await root.call(...AT_FILE, op.setattr({ mode: 0o602 }));
  const fine = Array(3).fill("OK");
  assertEquals(await statuses(client, all), [...fine, "ACCESS", "ACCESS"]);
});

Deno.test("ranges are of regular files alone (RFC 7862 15.1.3, 15.4.3, 15.10.3)", async () => {
  const client = await new StateFixture({ tree: { dir: {} } }).client(2);
  const link = op.create({ type: 5, name: "link", link: "x" });
  const fifo = op.create({ type: 7, name: "fifo" });
  await client.call(op.putrootfh(), link, op.putrootfh(), fifo);
  const [allocating, deallocating, writing] = changing();
  const status = (name: string, request: Request) =>
    client.status(...walk([name]), request);
  for (const name of ["dir", "link", "fifo"]) {
    for (const request of [allocating!, deallocating!]) {
      assertEquals(await status(name, request), "WRONG_TYPE");
    }
  }
  for (const request of [writing!, ...reading(), advise()]) {
    assertEquals(await status("dir", request), "ISDIR");
    assertEquals(await status("link", request), "SYMLINK");
    assertEquals(await status("fifo", request), "WRONG_TYPE");
  }
});

Deno.test("READ_PLUS takes less where the reply has room for less", async () => {
  const limits = { maxReply: 2 * PAGE, maxRead: 2 ** 20 };
  const fs = memory({ file: new Uint8Array(4 * PAGE).fill(1) });
  const client = await new StateFixture({ fs, limits }).client(2);
  const { eof, segments } = await client.ok(
    ...["READ_PLUS", ...AT_FILE, readPlus(0n, 4 * PAGE)] as const,
  );
  const [segment] = segments;
  assert(segment !== undefined && "data" in segment);
  assertEquals([eof, segments.length], [false, 1]);
  assert(segment.data.length > PAGE && segment.data.length < 2 * PAGE);
});

/** The result of an operation on a file of one page of data and one of a hole, in hex. */
async function bytesOf<Args>(
  operation: Operation<Args>,
  write: WriteArgs,
): Promise<string> {
  const fs = memory({ file: new Uint8Array(PAGE).fill(7) });
  const server = new Fixture({ path: "/", fs, squash: "none" });
  fs.setattr(fs.lookup(fs.root(), "file")!, { size: 2 * PAGE });
  const at = await server.at("file", { minorVersion: 2 });
  const result = await at.ok(operation, write);
  return hex(result.opaqueFixed(result.remaining));
}

Deno.test("results are these bytes (RFC 7863)", async () => {
  const range = (offset: number, ...rest: number[]): WriteArgs => (xdr) => {
    xdr.opaqueFixed(new Uint8Array(16));
    xdr.uint64(BigInt(offset));
    for (const word of rest) xdr.uint32(word);
  };
  const [no, yes] = ["00000000", "00000001"];
  const hole = `${yes}0000000000010000`;
  assertEquals(
    await bytesOf(seekOperation, range(5, Content.HOLE)),
    `${no}0000000000010000`,
  );
  assertEquals(
    await bytesOf(readPlusOperation, range(PAGE - 2, 6)),
    `${no}00000002${no}000000000000fffe0000000207070000${hole}0000000000000004`,
  );
  const toEnd = await bytesOf(readPlusOperation, range(PAGE, PAGE));
  assertEquals(toEnd, `${yes}00000001${hole}0000000000010000`);
  assertEquals(await bytesOf(ioAdvise, range(0, 0, 0, 1, 4)), no);
});

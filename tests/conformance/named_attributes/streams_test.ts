import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { local } from "../../../src/backends/local/mod.ts";
import { memory } from "../../../src/backends/memory/mod.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import type { FileSystem } from "../../../src/vfs/mod.ts";
import { bytesOf, op, walk } from "../../support/client/mod.ts";
import { hasFfi, noFolder } from "../../backends/local/fixture.ts";
import { CREATE, Fixture, VERSIONS } from "./fixture.ts";

// Named attributes over the wire, as a Mac works with them (RFC 8881 5.3), on each back end.

const ATTRDIR = 8;
const NAMEDATTR = 9;

/** A back end in a folder of its own, and as it is after a restart. */
interface BackEnd {
  readonly name: string;
  readonly ignore: boolean;
  /** The same tree each time it is asked for with one path. */
  make(path: string): FileSystem;
}

const held = new Map<string, FileSystem>();
const backEnds: readonly BackEnd[] = [
  {
    name: "memory",
    ignore: false,
    make(path) {
      const fs = held.get(path) ?? memory() as FileSystem;
      held.set(path, fs);
      return fs;
    },
  },
  { name: "sqlite", ignore: noFolder, make: (path) => sqlite(path) },
  ...[false, true].map((apart) => ({
    name: apart ? "local, apart" : "local",
    ignore: noFolder || !hasFfi,
    make: (path: string) => local(path, { apart }),
  })),
];

/** A folder of the host for one test. */
function temporary(): { readonly path: string } & Disposable {
  const path = noFolder ? crypto.randomUUID() : Deno.makeTempDirSync();
  return {
    path,
    [Symbol.dispose]: () => {
      held.delete(path);
      if (!noFolder) Deno.removeSync(path, { recursive: true });
    },
  };
}

for (const { name, ignore, make } of backEnds) {
  for (const version of VERSIONS) {
    const on = `${name}, NFSv4.${version}`;

    Deno.test({
      name:
        `${on}: Finder data is made, written, listed and read as a Mac does`,
      ignore,
      async fn() {
        using folder = temporary();
        await using fixture = await Fixture.open({ served: make(folder.path) });
        const mac = await fixture.speaker(version);
        const root = await mac.handle(op.putrootfh());
        const file = await mac.open(root, "file", { create: CREATE });
        const of = async (handle: Uint8Array) =>
          (await mac.attributes(handle, "named_attr")).named_attr;
        assertEquals(await of(file.filehandle), false);
        const found = await mac.status(
          op.putfh(file.filehandle),
          op.openattr(false),
        );
        assertEquals(found, "NOENT");
        const streams = await mac.handle(
          op.putfh(file.filehandle),
          op.openattr(true),
        );
        const info = "com.apple.FinderInfo";
        const made = await mac.open(streams, info, { create: CREATE });
        assertEquals(made.delegation.type, "none");
        const data = new Uint8Array(32).fill(7);
        const { filehandle, stateid } = made;
        await mac.ok(op.putfh(filehandle), op.write({ stateid, data }));
        await mac.ok(op.putfh(filehandle), op.commit());
        assertEquals(await mac.close(made), "OK");
        assertEquals(await mac.names(streams), [info]);
        assertEquals(await of(file.filehandle), true);
        assertEquals(await mac.content(filehandle), data);
        const looked = await mac.handle(op.putfh(streams), op.lookup(info));
        assertEquals(looked, filehandle);
        const seen = await mac.attributes(filehandle, "type", "size", "mode");
        assertEquals(seen, { type: NAMEDATTR, size: 32n, mode: 0o644 });
        const { type } = await mac.attributes(streams, "type");
        assertEquals(type, ATTRDIR);
        await mac.ok(op.putfh(streams), op.remove(info));
        assertEquals(await of(file.filehandle), false);
        await mac.close(file);
      },
    });

    Deno.test({
      name: `${on}: an attribute is written in parts, cut, grown and renamed`,
      ignore,
      async fn() {
        using folder = temporary();
        await using fixture = await Fixture.open({ served: make(folder.path) });
        const mac = await fixture.speaker(version);
        const root = await mac.handle(op.putrootfh());
        await mac.close(await mac.open(root, "file", { create: CREATE }));
        const handle = await mac.make(["file"], "stream", "one two");
        const put = (data: string, offset: bigint) =>
          mac.ok(op.putfh(handle), op.write({ data, offset }));
        await put("six", 4n);
        await put("!", 9n);
        const text = "one six\0\0!";
        assertEquals(await mac.content(handle), bytesOf(text));
        await mac.ok(op.putfh(handle), op.setattr({ size: 3n }));
        assertEquals(await mac.content(handle), bytesOf("one"));
        await mac.ok(op.putfh(handle), op.setattr({ size: 5n }));
        const part = await mac.ok(
          op.putfh(handle),
          op.read({ offset: 2n, count: 2 }),
        );
        const { data, eof } = part.get("READ");
        assertEquals([data, eof], [bytesOf("e\0"), false]);
        await mac.make(["file"], "other", "gone");
        const streams = await mac.attributeFolder("file");
        await mac.ok(
          ...[op.putfh(streams), op.savefh(), op.rename("stream", "other")],
        );
        assertEquals(await mac.names(streams), ["other"]);
        assertEquals(
          await mac.status(op.putfh(handle), op.read()),
          "STALE",
        );
        const other = await mac.handle(op.putfh(streams), op.lookup("other"));
        assertEquals(await mac.content(other), bytesOf("one\0\0"));
      },
    });

    Deno.test({
      name:
        `${on}: filehandles of attributes and of their folder are good after a restart`,
      ignore: ignore || name === "memory",
      async fn() {
        using folder = temporary();
        using state = temporary();
        const stateDirectory = state.path;
        let attribute: Uint8Array;
        let streams: Uint8Array;
        {
          const served = make(folder.path);
          await using fixture = await Fixture.open({ served, stateDirectory });
          const mac = await fixture.speaker(version);
          const root = await mac.handle(op.putrootfh());
          await mac.close(await mac.open(root, "file", { create: CREATE }));
          attribute = await mac.make(["file"], "stream", "kept");
          streams = await mac.attributeFolder("file");
          assertNotEquals(attribute, streams);
        }
        const served = make(folder.path);
        await using fixture = await Fixture.open({ served, stateDirectory });
        const mac = await fixture.speaker(version);
        assertEquals(await mac.content(attribute), bytesOf("kept"));
        assertEquals(await mac.names(streams), ["stream"]);
        const back = await mac.handle(op.putfh(streams), op.lookupp());
        assert(back.length === (await mac.handle(...walk(["file"]))).length);
        assertEquals(back, await mac.handle(...walk(["file"])));
      },
    });

    if (name !== "memory" && name !== "sqlite") continue;

    Deno.test({
      name:
        `${on}: a resource fork of megabytes is written, read, cut and replaced`,
      ignore,
      async fn() {
        using folder = temporary();
        await using fixture = await Fixture.open({ served: make(folder.path) });
        const mac = await fixture.speaker(version);
        const root = await mac.handle(op.putrootfh());
        await mac.close(await mac.open(root, "file", { create: CREATE }));
        const fork = await mac.make(["file"], "com.apple.ResourceFork", "");
        const size = async () =>
          Number((await mac.attributes(fork, "size")).size);
        const piece = 250_000;
        const put = (at: number) =>
          op.write({
            offset: BigInt(at * piece),
            data: new Uint8Array(piece).fill(at + 1),
          });
        for (let at = 0; at < 10; at++) await mac.ok(op.putfh(fork), put(at));
        assertEquals(await size(), 10 * piece);
        for (const at of [0, 4, 9]) {
          const offset = BigInt(at * piece);
          const read = op.read({ offset, count: piece });
          const reply = await mac.ok(op.putfh(fork), read);
          const { data, eof } = reply.get("READ");
          assertEquals([data.length, eof], [piece, at === 9]);
          assert(data.every((byte) => byte === at + 1));
        }
        const beyond = op.write({ offset: 2n ** 22n, data: "x" });
        assertEquals(await mac.status(op.putfh(fork), beyond), "FBIG");
        const linux = await fixture.speaker(2);
        const at = walk(["file"]);
        const get = op.getxattr("com.apple.ResourceFork");
        assertEquals(await linux.status(...at, get), "REP_TOO_BIG");
        const names = async () =>
          (await linux.ok(...at, op.listxattrs())).get("LISTXATTRS").names;
        assertEquals(await names(), ["com.apple.ResourceFork"]);
        await mac.ok(op.putfh(fork), op.setattr({ size: 70_000n }));
        assertEquals(await size(), 70_000);
        await linux.ok(...at, op.setxattr("com.apple.ResourceFork", "small"));
        assertEquals(await mac.content(fork), bytesOf("small"));
        await mac.ok(op.putfh(fork), op.setattr({ size: 70_000n }));
        const content = await mac.content(fork);
        assertEquals(content.subarray(0, 6), bytesOf("small\0"));
        assert(content.subarray(5).every((byte) => byte === 0));
        await linux.ok(...at, op.removexattr("com.apple.ResourceFork"));
        assertEquals(await names(), []);
      },
    });
  }
}

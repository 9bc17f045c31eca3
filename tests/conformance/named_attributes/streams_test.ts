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

    if (name === "memory") continue;

    Deno.test({
      name:
        `${on}: filehandles of attributes and of their folder are good after a restart`,
      ignore,
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
  }
}

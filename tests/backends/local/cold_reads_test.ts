import { assert, assertEquals } from "@std/assert";
import type { Host } from "../../../src/backends/local/host.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { holdBack, takingTime } from "../hold_back.ts";
import { dropCached } from "../drop_cached.ts";
import { hasFfi, makeHost, noFolder, Sandbox } from "./fixture.ts";

const BYTES = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7 + (i >> 8));

/** A host that has only the first bytes of each file in memory. */
function coldHost(warm: number): Host {
  const host = makeHost(hasFfi);
  const { readCached } = host;
  host.readCached = (fd, buffer, offset) =>
    offset >= warm
      ? undefined
      : readCached.call(host, fd, buffer.subarray(0, warm - offset), offset);
  return host;
}

async function fileOf(fs: HostedFileSystem): Promise<LocalNode> {
  return (await fs.lookup(fs.root(), "file"))!;
}

for (const warm of [0, 10, 99_999]) {
  Deno.test({
    name:
      `local: what is not in the host's memory is read by a thread (${warm} bytes are)`,
    ignore: noFolder,
    async fn() {
      await using box = new Sandbox();
      Deno.writeFileSync(`${box.path}/file`, BYTES);
      const path = Deno.realPathSync(box.path);
      const fs = new HostedFileSystem(coldHost(warm), path);
      await using _ends = { [Symbol.asyncDispose]: () => fs.dispose() };
      const file = await fileOf(fs);
      const target = new Uint8Array(200_000);
      const read = fs.read(file, 0, target);
      assert(read instanceof Promise);
      // It is read into the target alone, and others are answered meanwhile.
      assert(!(fs.getattr(file) instanceof Promise));
      assertEquals(await read, { bytes: BYTES.length, eof: true });
      assertEquals(target.subarray(0, BYTES.length), BYTES);
      const part = new Uint8Array(50);
      assertEquals(await fs.read(file, 5, part), { bytes: 50, eof: false });
      assertEquals(part, BYTES.subarray(5, 55));
    },
  });
}

Deno.test({
  name: "local: what the host has in memory is read at once, up to the end",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    Deno.writeFileSync(`${box.path}/file`, BYTES);
    const file = await fileOf(box.fs);
    const target = new Uint8Array(BYTES.length + 10);
    for (const [offset, bytes] of [[0, BYTES.length], [99_990, 10]] as const) {
      const read = box.fs.read(file, offset, target);
      assert(!(read instanceof Promise));
      assertEquals(read, { bytes, eof: true });
      const expected = BYTES.subarray(offset);
      assertEquals(target.subarray(0, bytes), expected);
    }
  },
});

Deno.test({
  name: "local: a file that left the host's memory is read as it is",
  ignore: noFolder || Deno.build.os !== "linux",
  async fn() {
    await using box = new Sandbox();
    const path = `${box.path}/file`;
    Deno.writeFileSync(path, BYTES);
    await dropCached(path);
    const file = await fileOf(box.fs);
    const target = new Uint8Array(BYTES.length);
    for (let round = 0; round < 2; round++) {
      const { bytes } = await box.fs.read(file, 0, target.fill(0));
      assertEquals(bytes, BYTES.length);
      assertEquals(target, BYTES);
    }
  },
});

Deno.test({
  name: "local: a thread cuts a file that another one is reading",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    Deno.writeFileSync(`${box.path}/file`, BYTES);
    const fs = new HostedFileSystem(
      coldHost(0),
      Deno.realPathSync(box.path),
      { durability: "os" },
    );
    await using _ends = { [Symbol.asyncDispose]: () => fs.dispose() };
    const file = await fileOf(fs);
    using reads = holdBack("read");
    const read = fs.read(file, 0, new Uint8Array(9));
    // By the descriptor for writing, while the read has that for reading.
    using cuts = holdBack("ftruncate");
    const cut = fs.setattr(file, { size: 10 });
    assertEquals([reads.asked.length, cuts.asked.length], [1, 1]);
    reads.open();
    cuts.open();
    assertEquals(await read, { bytes: 9, eof: false });
    await cut;
    assertEquals((await fs.getattr(file)).size, 10);
    // Nothing is at it any more.
    assert(!(fs.setattr(file, { size: 5 }) instanceof Promise));
  },
});

Deno.test({
  name:
    "local: a block that is written or cut in part, and is cold, is a thread's",
  ignore: noFolder || !hasFfi,
  async fn() {
    await using box = new Sandbox();
    Deno.writeFileSync(`${box.path}/file`, BYTES);
    const host = makeHost(hasFfi);
    host.isReadFirst = (_, start, end) => start % 4096 > 0 || end % 4096 > 0;
    const fs = new HostedFileSystem(host, Deno.realPathSync(box.path));
    await using _ends = { [Symbol.asyncDispose]: () => fs.dispose() };
    const file = await fileOf(fs);
    const written = fs.write(file, 0, new Uint8Array(4096), "unstable");
    assertEquals(written, "unstable");
    const part = fs.write(file, 10, new Uint8Array(9), "unstable");
    assert(part instanceof Promise);
    assertEquals(await part, "unstable");
    using cuts = holdBack("ftruncate");
    const cut = fs.setattr(file, { size: 50_000 });
    assertEquals(cuts.asked.length, 1);
    cuts.open();
    await cut;
    await fs.setattr(file, { size: 4096 });
    assertEquals(cuts.asked.length, 1);
    assertEquals(Deno.readFileSync(`${box.path}/file`), new Uint8Array(4096));
  },
});

Deno.test({
  name: "local: writes to a slow disk are left to threads",
  ignore: noFolder || !hasFfi,
  async fn() {
    const clock = new FakeClock();
    await using box = new Sandbox({ clock });
    const { fs } = box;
    Deno.writeFileSync(`${box.path}/file`, BYTES);
    const file = await fileOf(fs);
    using _slow = takingTime("writeSync", clock, 60);
    const write = () => fs.write(file, 0, new Uint8Array(9), "unstable");
    assertEquals([write(), write()], ["unstable", "unstable"]);
    const later = write();
    assert(later instanceof Promise);
    assertEquals(await later, "unstable");
    const found = Deno.readFileSync(`${box.path}/file`).subarray(0, 10);
    assertEquals(found, Uint8Array.from([...new Uint8Array(9), BYTES[9]!]));
  },
});

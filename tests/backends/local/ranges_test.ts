import fs from "node:fs";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { HostRanges } from "../../../src/backends/common/file_ranges.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { codeOf, hasFfi, makeHost, noFolder, Sandbox } from "./fixture.ts";

const ignore = noFolder || !hasFfi;
const LENGTH = 65_536;

/** A folder with a file "f" of data, whose host does with ranges what the test says. */
async function folder(own: (host: HostRanges) => Partial<HostRanges>) {
  const box = new Sandbox();
  Deno.writeFileSync(`${box.path}/f`, new Uint8Array(LENGTH).fill(7));
  const host = makeHost(true);
  const { ranges } = host;
  const given = {
    allocate: ranges!.allocate.bind(ranges),
    deallocate: ranges!.deallocate.bind(ranges),
    seek: ranges!.seek.bind(ranges),
    ...own(ranges!),
  };
  Object.defineProperty(host, "ranges", { value: given });
  const fs = new HostedFileSystem(host, box.path);
  const file = (await fs.lookup(fs.root(), "f"))!;
  return {
    fs,
    file,
    path: `${box.path}/f`,
    async [Symbol.asyncDispose]() {
      await fs.dispose();
      await box[Symbol.asyncDispose]();
    },
  };
}

for (const change of ["allocate", "deallocate"] as const) {
  Deno.test(
    `local: what reads or changes a file waits for ${change} of another thread, and others don't`,
    { ignore },
    async () => {
      const gate = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      await using at = await folder((host) => ({
        async [change](...range: Parameters<HostRanges["allocate"]>) {
          begun.resolve();
          await gate.promise;
          await host[change](...range);
        },
      }));
      const { fs, file } = at;
      const changed = fs[change](file, 0, LENGTH);
      await begun.promise;
      const order: string[] = [];
      const note = (what: string, work: unknown) =>
        Promise.resolve(work).then(() => order.push(what));
      const all = [
        note("changed", changed),
        note("read", fs.read(file, 0, new Uint8Array(1))),
        note("write", fs.write(file, 0, Uint8Array.of(1), "unstable")),
        note("size", fs.setattr(file, { size: 1 })),
        note("seek", fs.seek(file, 0, "data")),
      ];
      await fs.getattr(file);
      await fs.readdir(fs.root(), 0, 10);
      await new Promise((go) => setTimeout(go));
      assertEquals(order, []);
      gate.resolve();
      await Promise.all(all);
    },
  );
}

Deno.test("local: what the host's file system does not have is told as that", {
  ignore,
}, async () => {
  const refuse = () => Promise.reject(new FsError("not-supported"));
  await using at = await folder(() => ({
    allocate: refuse,
    deallocate: refuse,
  }));
  const { fs, file, path } = at;
  assertEquals(await codeOf(() => fs.allocate(file, 0, 1)), "not-supported");
  assertEquals(await codeOf(() => fs.deallocate(file, 0, 1)), "not-supported");
  assert(Deno.readFileSync(path).every((byte) => byte === 7));
});

Deno.test("local: the host says of a descriptor why it can't", {
  ignore,
}, async () => {
  const { ranges } = makeHost(true);
  using open = new DisposableStack();
  const path = Deno.makeTempFileSync();
  open.defer(() => Deno.removeSync(path));
  const fd = fs.openSync(path, "r");
  open.defer(() => fs.closeSync(fd));
  for (const change of ["allocate", "deallocate"] as const) {
    const error = await assertRejects(() => ranges![change](fd, 0, 1), Error);
    assertStringIncludes(error.message, "EBADF");
  }
});

Deno.test("local: a file that was made sparse on the host has its holes", {
  ignore,
}, async () => {
  await using at = await folder(() => ({}));
  const { fs, file, path } = at;
  Deno.truncateSync(path, 1 << 20);
  assertEquals(await fs.seek(file, 0, "hole"), LENGTH);
  assertEquals(await fs.seek(file, LENGTH, "data"), undefined);
  await fs.deallocate(file, 0, LENGTH);
  assertEquals(await fs.seek(file, 0, "data"), undefined);
  assertEquals(await fs.seek(file, 2 << 20, "data"), undefined);
});

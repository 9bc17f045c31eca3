import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { FsError } from "../../src/vfs/errors.ts";
import { defineExport, type ExportOptions } from "../../src/vfs/exports.ts";
import type { FileRef } from "../../src/vfs/file_handle.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import { Namespace } from "../../src/vfs/namespace.ts";

function serve(...exports: ExportOptions[]): Namespace {
  return new Namespace(exports.map(defineExport), {
    handleKey: new Uint8Array(16).fill(1),
    time: { seconds: 1, nanoseconds: 0 },
  });
}

function child(namespace: Namespace, folder: FileRef, name: string): FileRef {
  const node = folder.export.fs.lookup(folder.node, name);
  return namespace.enter(folder.export, node as object);
}

/** A file system that counts what is asked of it. */
function counting(fs: FileSystem): { fs: FileSystem; resolved: () => number } {
  let resolved = 0;
  const counted = new Proxy(fs, {
    get(target, key) {
      const value = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      if (key === "resolve") resolved++;
      return value.bind(target);
    },
  });
  return { fs: counted, resolved: () => resolved };
}

Deno.test('"/" alone is the root of all, without a pseudo root', () => {
  const fs = memory();
  const namespace = serve({ path: "/", fs });
  assertStrictEquals(namespace.root().node, fs.root());
  assertEquals(namespace.parent(namespace.root()), undefined);
});

Deno.test("a file has one reference, whichever way it is come by", () => {
  const namespace = serve({ path: "/", fs: memory({ a: "" }) });
  const file = child(namespace, namespace.root(), "a");
  assertStrictEquals(child(namespace, namespace.root(), "a"), file);
  assertStrictEquals(namespace.resolve(file.handle.slice()), file);
  assertEquals(file.key.length, 32);
});

Deno.test("one file system that is exported twice has other handles and fsids in each", () => {
  const fs = memory({ a: "" });
  const namespace = serve({ path: "/x", fs }, { path: "/y", fs });
  const fileIn = (name: string) =>
    child(namespace, child(namespace, namespace.root(), name), "a");
  const x = fileIn("x");
  const y = fileIn("y");
  assertStrictEquals(x.node, y.node);
  assertEquals(x.key === y.key, false);
  assertEquals(x.export.fsid.major === y.export.fsid.major, false);
});

Deno.test("handles survive a restart with the same key, also of the pseudo root", () => {
  const fs = memory({ a: "" });
  const before = serve({ path: "/x", fs }, { path: "/deep/y", fs: memory() });
  const deep = child(before, before.root(), "deep");
  const file = child(before, child(before, before.root(), "x"), "a");
  const after = serve({ path: "/x", fs }, { path: "/deep/y", fs: memory() });
  assertEquals((after.resolve(file.handle) as FileRef).node, file.node);
  assertEquals((after.resolve(deep.handle) as FileRef).key, deep.key);
  const other = serve({ path: "/x", fs }, { path: "/z", fs: memory() });
  assertEquals((other.resolve(file.handle) as FileRef).node, file.node);
  assertThrows(() => other.resolve(deep.handle), FsError, "stale");
});

Deno.test("a handle of an export that is no longer served is stale", () => {
  const before = serve({ path: "/x", fs: memory() });
  const x = child(before, before.root(), "x");
  const after = serve({ path: "/y", fs: memory() });
  assertThrows(() => after.resolve(x.handle), FsError, "stale");
});

Deno.test("the file system is asked for a handle once, and again when the file was removed", () => {
  const { fs, resolved } = counting(memory({ a: "", b: "" }));
  const namespace = serve({ path: "/", fs });
  const file = child(namespace, namespace.root(), "a");
  for (let i = 0; i < 3; i++) namespace.resolve(file.handle);
  assertEquals(resolved(), 1);
  namespace.forget(file);
  assertStrictEquals(namespace.resolve(file.handle), file, "still there");
  namespace.resolve(file.handle);
  assertEquals(resolved(), 3, "never remembered again");
});

Deno.test("a handle is of the node that it was told of last", () => {
  const names = ["a", "b", "c"];
  const fs = memory(Object.fromEntries(names.map((name) => [name, ""])));
  // As where a host gives the inode numbers of removed files again, and tells no birth.
  let present: object | undefined;
  const reusing = new Proxy(fs as FileSystem, {
    get(target, key) {
      if (key === "identify") return () => new Uint8Array([1]);
      if (key === "resolve") return () => present;
      const value = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const namespace = serve({ path: "/", fs: reusing });
  for (const name of names) {
    const file = child(namespace, namespace.root(), name);
    present = file.node;
    const { handle } = file;
    for (let i = 0; i < 2; i++) {
      assertStrictEquals(namespace.resolve(handle.slice()), file);
    }
  }
});

Deno.test("what is remembered is bounded", () => {
  const { fs, resolved } = counting(memory({ a: "", b: "", c: "", d: "" }));
  const namespace = new Namespace([defineExport({ path: "/", fs })], {
    handleKey: new Uint8Array(16),
    time: { seconds: 1, nanoseconds: 0 },
    rememberedHandles: 1,
  });
  const files = ["a", "b", "c", "d"].map((name) =>
    child(namespace, namespace.root(), name)
  );
  for (const file of files) namespace.resolve(file.handle);
  assertStrictEquals(namespace.resolve(files[0]!.handle), files[0]);
  assertEquals(resolved(), 5);
});

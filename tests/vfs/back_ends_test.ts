/** What the server makes of what a back end throws, gives back and lacks. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { MemoryFileSystem } from "../../src/backends/memory/memory_file_system.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { CheckedFileSystem } from "../../src/vfs/checked_file_system.ts";
import { isSound } from "../../src/vfs/checks.ts";
import { type FileSystem, FsError } from "../../src/vfs/mod.ts";
import { StateFixture } from "../engine/state_fixture.ts";
import { op, walk } from "../support/client/mod.ts";

/** An error as Deno and Node throw it. */
function coded(code: string): Error {
  return Object.assign(new Error("what happened"), { code });
}

const known: readonly (readonly [unknown, string, string])[] = [
  [new Deno.errors.NotFound("gone"), "not-found", "NOENT"],
  [new Deno.errors.PermissionDenied(), "access", "ACCESS"],
  [new Deno.errors.NotCapable(), "io", "IO"],
  [new Deno.errors.AlreadyExists(), "exists", "EXIST"],
  [new Deno.errors.NotADirectory(), "not-directory", "NOTDIR"],
  [new Deno.errors.IsADirectory(), "is-directory", "ISDIR"],
  [new Deno.errors.Busy(), "busy", "DELAY"],
  [new Deno.errors.ConnectionReset(), "io", "IO"],
  [new Deno.errors.Http(), "io", "IO"],
  [coded("ENOENT"), "not-found", "NOENT"],
  [coded("ENOSPC"), "no-space", "NOSPC"],
  [coded("EDQUOT"), "quota", "DQUOT"],
  [coded("ENOTEMPTY"), "not-empty", "NOTEMPTY"],
  [coded("ENOWORD"), "io", "IO"],
  [{ code: "EROFS" }, "read-only", "ROFS"],
];

/** Throws whatever is done with it. */
function untouchable(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const unknown: readonly unknown[] = [
  new Error("a mistake"),
  new TypeError("a mistake"),
  new Deno.errors.BadResource("closed"),
  coded("ERR_INVALID_ARG_TYPE"),
  coded("toString"),
  "text",
  undefined,
  null,
  { code: 5 },
  untouchable(),
  {
    get code() {
      throw new Error("a mistake");
    },
  },
];

Deno.test("FsError.from knows what the host throws, and leaves mistakes alone", () => {
  const error = new FsError("busy");
  assertStrictEquals(FsError.from(error), error);
  for (const [thrown, code] of known) {
    const from = FsError.from(thrown);
    assertEquals(from?.code, code);
    assertStrictEquals(from?.cause, thrown);
  }
  for (const thrown of unknown) assertEquals(FsError.from(thrown), undefined);
});

Deno.test("every class of Deno's errors is the host's, but for what is used after its end", () => {
  for (const [name, Class] of Object.entries(Deno.errors)) {
    const isKnown = FsError.from(new Class("what happened")) !== undefined;
    assertEquals(isKnown, name !== "BadResource", name);
  }
});

Deno.test("what a file system throws of the host's is told as such, a mistake is SERVERFAULT", async () => {
  let thrown: unknown;
  const fs = Object.assign(memory({ file: "" }), {
    lookup: () => {
      throw thrown;
    },
  });
  const client = await new StateFixture({ fs }).client(1);
  const status = () => client.status(...walk(["file"]), op.getfh());
  for (const [error, , expected] of known) {
    thrown = error;
    assertEquals(await status(), expected);
  }
  for (thrown of unknown) assertEquals(await status(), "SERVERFAULT");
});

Deno.test("only a back end as it was written is taken at its word", () => {
  const own = memory() as FileSystem;
  assertEquals(isSound(own), true);
  assertEquals(isSound(new Proxy(own, {})), false);
  assertEquals(isSound(Object.create(own)), false);
  assertEquals(isSound({ ...own }), false);
  assertEquals(
    isSound(Object.assign(memory(), { read: () => ({ bytes: 9e9 }) })),
    false,
  );
  class Other extends MemoryFileSystem {}
  const options = Reflect.construct(MemoryFileSystem, [{}], Other);
  assertEquals(isSound(options), false);
});

/** A class of which some objects can't make hard links. */
class OfSomeHost extends MemoryFileSystem {
  constructor(hasLinks: boolean) {
    super();
    if (!hasLinks) Object.defineProperty(this, "link", { value: undefined });
  }
}

Deno.test("what a file system can do is judged by the object, not by its class", () => {
  const check = (hasLinks: boolean) =>
    new CheckedFileSystem(new OfSomeHost(hasLinks) as FileSystem, {
      name: "/",
      timeout: 1000,
      maxOverdue: 1,
      maxUnderWay: 1,
      clock: systemClock,
      log: silentLogger,
    });
  const [able, unable] = [check(true), check(false)];
  assertEquals(typeof able.link, "function");
  assertEquals(unable.link, undefined);
  assertEquals(typeof unable.remove, "function");
});

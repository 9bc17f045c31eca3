/**
 * What clients change in the grace period of files whose delegations are yet to be
 * reclaimed (RFC 8881 10.2.1).
 */

import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { MAX_IN_GRACE } from "../../src/delegations/file_recalls.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import type { FileRef } from "../../src/vfs/file_handle.ts";
import type { StateClient } from "../engine/state_fixture.ts";
import { op, type Request, walk } from "../support/client/mod.ts";
import { LEASE } from "../state/fixture.ts";
import { start } from "./keeper_fixture.ts";

const READ = 1;
const BOTH = 3;

/** A server that has just been started anew, a client that had delegations there, and another. */
async function restarted(outside: Partial<FileSystem> = {}) {
  const tree = memory({ file: "content", more: "", other: "", "d/g": "" });
  const fs = Object.assign(tree, outside);
  const root = fs.root();
  const file = fs.lookup(root, "file")!;
  // A name that stays.
  fs.link(file, root, "second");
  fs.setxattr(file, "x", new Uint8Array(1), "either");
  const started = start({ fs, graceMs: LEASE });
  const { fixture } = started;
  const holder = await fixture.client(1, { reclaimComplete: false });
  const other = await fixture.client(2);
  return { ...started, holder, other };
}

/** Reclaims a delegation; whether it is to be returned at once. */
async function isRecalled(
  holder: StateClient,
  name: string,
  { access = READ, delegate = 1 } = {},
): Promise<boolean> {
  const claim = { claim: "previous", delegate } as const;
  const open = holder.openOp("", { access, claim, owner: name });
  const { delegation } = await holder.ok("OPEN", ...walk([name]), open);
  if (delegation.type !== "read" && delegation.type !== "write") {
    throw new Error(delegation.type);
  }
  return delegation.recall;
}

const saved = (...names: string[]) => [...walk(names), op.savefh()];

const CHANGES: Readonly<Record<string, readonly Request[]>> = {
  SETATTR: [...walk(["file"]), op.setattr({ mode: 0o640 })],
  SETXATTR: [...walk(["file"]), op.setxattr("x", "new")],
  REMOVEXATTR: [...walk(["file"]), op.removexattr("x")],
  LINK: [...saved("file"), ...walk(["d"]), op.link("l")],
  RENAME: [...saved(), op.rename("file", "n")],
  "RENAME of another to its name": [...saved(), op.rename("more", "file")],
  REMOVE: [...walk([]), op.remove("file")],
};

for (const [name, requests] of Object.entries(CHANGES)) {
  Deno.test(`after ${name} in grace a delegation is reclaimed to be returned at once`, async () => {
    const { holder, other } = await restarted();
    assertEquals(await other.status(...requests), "OK");
    assertEquals(await isRecalled(holder, "second"), true);
    assertEquals(await isRecalled(holder, "other"), false);
  });
}

Deno.test("what is opened for writing in grace, by a reclaim, has not changed", async () => {
  const { holder } = await restarted();
  const write = { access: BOTH, delegate: 2 };
  assertEquals(await isRecalled(holder, "file", write), false);
});

const outside: Readonly<Record<string, Partial<FileSystem>>> = {
  guard: { guard: () => ({ [Symbol.dispose]() {} }) },
  watch: { watch() {} },
};
for (const [name, methods] of Object.entries(outside)) {
  Deno.test(`what can change without a server (${name}) is reclaimed to be returned at once`, async () => {
    const { holder } = await restarted(methods);
    assertEquals(await isRecalled(holder, "file"), true);
  });
}

Deno.test("the holder of a reclaimed delegation for writing is not asked for what it counts from another change: it is recalled (RFC 8881 10.4.3)", async () => {
  const { holder, other, way } = await restarted();
  const write = { access: BOTH, delegate: 2 };
  assertEquals(await isRecalled(holder, "file", write), false);
  const look = [...walk(["file"]), op.getattr(["change", "time_modify"])];
  assertEquals(await other.status(...look), "DELAY");
  const asked = way.sent.flatMap(({ operations }) => operations);
  assertEquals(asked.map(({ row }) => row.name), ["CB_RECALL"]);
});

Deno.test("where more files were changed in grace than are remembered it may be any", async () => {
  const { keeper, holder } = await restarted();
  const note = (key: number) =>
    keeper.changedInGrace({ key: `${key}` } as FileRef);
  for (let i = 1; i < MAX_IN_GRACE; i++) note(i);
  assertEquals(await isRecalled(holder, "file"), false);
  note(0);
  assertEquals(await isRecalled(holder, "other"), true);
});

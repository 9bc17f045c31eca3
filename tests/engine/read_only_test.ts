import { assertEquals } from "@std/assert";
import { OPERATIONS } from "../../src/engine/op_table.ts";
import type { MinorVersion } from "../../src/nfs4/constants.ts";
import type { Operation, OperationRow } from "../../src/engine/operation.ts";
import { read, type ReadArgs } from "../../src/engine/ops/read.ts";
import { write, type WriteArgs } from "../../src/engine/ops/write.ts";
import type { ChangeMethod } from "../../src/vfs/changes.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { samples } from "../robustness/samples.ts";
import {
  bytesOf,
  CreateMode,
  op,
  type Request,
  walk,
} from "../support/client/mod.ts";
import { close, type CloseArgs } from "../../src/engine/ops/close.ts";
import { StateFixture } from "./state_fixture.ts";

// What a row says of an operation is checked when it is compiled.
// @ts-expect-error It writes.
const _reading: Operation<WriteArgs> = write;
// @ts-expect-error It writes.
const _setting: Operation<WriteArgs, "setattr"> = write;
// @ts-expect-error It does not write.
const _writing: Operation<ReadArgs, "write"> = read;
// @ts-expect-error It ends an open.
const _looking: Operation<CloseArgs> = close;
// @ts-expect-error It looks at a file.
const _ending: Operation<ReadArgs, "state"> = read;

const MINORS = [0, 1, 2] as const;
const READ = 1;
const CHANGES: readonly ChangeMethod[] = [
  "setattr",
  "write",
  "allocate",
  "deallocate",
  "clone",
  "create",
  "link",
  "remove",
  "rename",
];

/** Whether an operation of a minor version changes files. */
function isChange(row: OperationRow | undefined, minor: MinorVersion): boolean {
  return row !== undefined && row.since <= minor &&
    CHANGES.includes(row.changes as ChangeMethod);
}

/** A read-only export, and the changes that its file system was asked for. */
function readOnlyFixture() {
  const calls: string[] = [];
  const inner = memory({ file: "content", folder: { entry: "" } });
  const fs: FileSystem = new Proxy(inner as FileSystem, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (!CHANGES.includes(name as ChangeMethod)) return value.bind(target);
      return () => calls.push(String(name));
    },
  });
  return { fixture: new StateFixture({ fs, readOnly: true }), calls };
}

/** Every way to be somewhere: what is saved is what is current. */
const PLACES: readonly (readonly Request[])[] = [
  [op.putrootfh(), op.savefh()],
  [...walk(["folder"]), op.savefh()],
  [...walk(["file"]), op.savefh()],
];

/** The OPENs that change something of the root folder or of "file", whatever they want to do then. */
function openings(): Record<string, object> {
  const verifier = bytesOf("verifier");
  const { UNCHECKED, GUARDED, EXCLUSIVE } = CreateMode;
  return {
    "file, UNCHECKED4, size 0": {
      create: { mode: UNCHECKED, attributes: { size: 0n } },
    },
    "new, UNCHECKED4": { create: { mode: UNCHECKED } },
    "new, GUARDED4": { create: { mode: GUARDED } },
    "new, GUARDED4, size 5": {
      create: { mode: GUARDED, attributes: { size: 5n } },
    },
    "new, EXCLUSIVE4": { create: { mode: EXCLUSIVE, verifier } },
    "file, for writing": { access: 2 },
    "file, for both": { access: 3 },
  };
}

Deno.test("each method that changes files is that of an operation", () => {
  const used = OPERATIONS.filter((row) => isChange(row, 2));
  assertEquals(new Set(used.map((row) => row!.changes)), new Set(CHANGES));
});

for (const minor of MINORS) {
  Deno.test(`NFSv4.${minor}: every operation that changes files is ROFS in a read-only export`, async () => {
    const { fixture, calls } = readOnlyFixture();
    const client = await fixture.client(minor);
    const changing = new Set<string>();
    for (const sample of samples) {
      // Whatever it is, and wherever: nothing is changed.
      for (const place of PLACES) await client.call(...place, sample);
      assertEquals(calls, [], sample.name);
      const row = OPERATIONS[sample.number];
      if (!isChange(row, minor)) continue;
      for (const place of PLACES) {
        assertEquals(await client.status(...place, sample), "ROFS", row!.name);
      }
      changing.add(row!.name);
    }
    const rows = OPERATIONS.filter((row) => isChange(row, minor));
    assertEquals([...changing].sort(), rows.map((row) => row!.name).sort());
  });

  Deno.test(`NFSv4.${minor}: an OPEN that changes something is ROFS in a read-only export, others are not (RFC 8881 18.16.3)`, async () => {
    const { fixture, calls } = readOnlyFixture();
    const client = await fixture.client(minor);
    for (const [what, options] of Object.entries(openings())) {
      const open = { access: READ, owner: what, seqid: 1, ...options };
      const [name = ""] = what.split(",");
      assertEquals(await client.openStatus(name, open), "ROFS", what);
      assertEquals(calls, [], what);
    }
    await client.open("file", { access: READ, owner: "a", seqid: 1 });
    const create = { mode: CreateMode.UNCHECKED };
    await client.open("file", { access: READ, owner: "b", seqid: 1, create });
    assertEquals(calls, []);
  });
}

import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { OPERATIONS } from "../../src/engine/op_table.ts";
import type { Operation, OperationRow } from "../../src/engine/operation.ts";
import { close, type CloseArgs } from "../../src/engine/ops/close.ts";
import { read, type ReadArgs } from "../../src/engine/ops/read.ts";
import { write, type WriteArgs } from "../../src/engine/ops/write.ts";
import type { MinorVersion } from "../../src/nfs4/constants.ts";
import type { ChangeMethod } from "../../src/vfs/changes.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { waiting } from "../robustness/fixture.ts";
import { samples } from "../robustness/samples.ts";
import {
  anonymousStateid,
  bytesOf,
  CreateMode,
  op,
  type Request,
  type Stateid,
  walk,
} from "../support/client/mod.ts";
import { type StateClient, StateFixture } from "./state_fixture.ts";

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

const AT = walk(["file"]);
const OWNER = 1001;
const OTHER = 1002;

/** The same file system at once and by promises. */
const systems: readonly ((fs: FileSystem) => FileSystem)[] = [
  (fs) => fs,
  (fs) => waiting(fs),
];

/** A file that everybody may write, with every privilege. */
async function prepare(fixture: StateFixture, mode: number) {
  const root = await fixture.client(1);
  const set = (mode: number) => root.ok("SETATTR", ...AT, op.setattr({ mode }));
  await root.ok("SETATTR", ...AT, op.setattr({ owner: `${OWNER}` }));
  await set(mode);
  return {
    set,
    mode: async () => {
      const got = await root.ok("GETATTR", ...AT, op.getattr(["mode"]));
      return got.attributes.mode;
    },
  };
}

/** What changes content, by a stateid of an open for writing. */
const changes = {
  WRITE: (stateid: Stateid) => op.write({ stateid, data: "x" }),
  "SETATTR of the size": (stateid: Stateid) =>
    op.setattr({ size: 1n }, stateid),
};

function opener(client: StateClient, options: object = {}) {
  return client.open("file", { access: 2, seqid: 1, ...options });
}

for (const minor of MINORS) {
  Deno.test(`NFSv4.${minor}: setuid and setgid go with new content from anybody but root`, async () => {
    for (const system of systems) {
      for (const [what, change] of Object.entries(changes)) {
        const cases = [
          [OTHER, 0o6777, 0o777],
          [OWNER, 0o6777, 0o777],
          // Without group execute it is no privilege (mandatory locking).
          [OTHER, 0o6767, 0o2767],
          [0, 0o6777, 0o6777],
        ] as const;
        for (const [uid, before, after] of cases) {
          const fs = system(memory({ file: "content" }) as FileSystem);
          const fixture = new StateFixture({ fs });
          const file = await prepare(fixture, before);
          const client = await fixture.client(minor, { uid });
          const stateid = await opener(client);
          await client.call(...AT, change(stateid));
          assertEquals(await file.mode(), after, `${what} by ${uid}`);
          // Set anew while it is open, and taken again.
          await file.set(before);
          await client.call(...AT, change(stateid));
          assertEquals(await file.mode(), after, `${what} by ${uid}, again`);
        }
      }
    }
  });

  Deno.test(`NFSv4.${minor}: an OPEN that truncates takes setuid and setgid`, async () => {
    for (const system of systems) {
      const fs = system(memory({ file: "content" }) as FileSystem);
      const fixture = new StateFixture({ fs });
      const file = await prepare(fixture, 0o6777);
      const create = {
        mode: CreateMode.UNCHECKED,
        attributes: { size: 0n },
      };
      await opener(await fixture.client(minor), { create });
      assertEquals(await file.mode(), 0o6777, "by root");
      const client = await fixture.client(minor, { uid: OTHER });
      await opener(client, { create });
      assertEquals(await file.mode(), 0o777);
    }
  });

  Deno.test(`NFSv4.${minor}: WRITE without an open takes setuid and setgid, too`, async () => {
    const fixture = new StateFixture();
    const file = await prepare(fixture, 0o6777);
    const client = await fixture.client(minor, { uid: OTHER });
    await client.ok("WRITE", ...AT, op.write({ data: "x" }));
    assertEquals(await file.mode(), 0o777);
  });
}

Deno.test("setuid that a program of the host sets while a client has the file open goes as well", async () => {
  const fs = memory({ file: "content" });
  const folder = { path: "/srv", isShown: true };
  const fixture = new StateFixture({
    fs: Object.assign(fs as FileSystem, { folder }),
  });
  const file = await prepare(fixture, 0o777);
  const client = await fixture.client(1, { uid: OTHER });
  const stateid = await opener(client);
  for (const change of Object.values(changes)) {
    await client.call(...AT, change(stateid));
    fs.setattr((await fs.lookup(fs.root(), "file"))!, { mode: 0o6777 });
    await client.call(...AT, change(stateid));
    assertEquals(await file.mode(), 0o777);
  }
});

const first = { stateid: anonymousStateid, offset: 0n };
const both = { source: anonymousStateid, destination: anonymousStateid };
const pattern = Uint8Array.of(1);

/** What changes content and may take a while, by the saved filehandle where it takes two. */
const long = {
  ALLOCATE: op.allocate({ ...first, length: 1n }),
  DEALLOCATE: op.deallocate({ ...first, length: 1n }),
  WRITE_SAME: op.writeSame({
    ...first,
    blockSize: 4n,
    blockCount: 1n,
    pattern,
  }),
  CLONE: op.clone(both),
  COPY: op.copy(both),
};

Deno.test("setuid is gone before content is changed, and after it though its owner sets it meanwhile", async () => {
  for (const [what, change] of Object.entries(long)) {
    const fs = memory({ file: "content", source: "another" });
    const fixture = new StateFixture({ fs });
    const file = await prepare(fixture, 0o6777);
    const node = fs.lookup(fs.root(), "file")!;
    for (const name of ["allocate", "deallocate", "write", "clone"] as const) {
      const method = fs[name].bind(fs) as (...args: unknown[]) => unknown;
      const value = (...args: unknown[]) => {
        assertEquals(node.mode, 0o777, what);
        const done = method(...args);
        fs.setattr(node, { mode: 0o6777 });
        return done;
      };
      Object.defineProperty(fs, name, { value });
    }
    const client = await fixture.client(2, { uid: OTHER });
    const requests = [...walk(["source"]), op.savefh(), ...AT, change];
    assertEquals(await client.status(...requests), "OK", what);
    assertEquals(await file.mode(), 0o777, what);
  }
});

Deno.test("a new owner takes setuid and setgid, whoever gives it", async () => {
  const fixture = new StateFixture();
  const file = await prepare(fixture, 0o6777);
  const root = await fixture.client(1);
  await root.ok("SETATTR", ...AT, op.setattr({ owner: `${OTHER}` }));
  assertEquals(await file.mode(), 0o777);
});

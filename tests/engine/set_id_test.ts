import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import {
  anonymousStateid,
  CreateMode,
  op,
  type Stateid,
  walk,
} from "../support/client/mod.ts";
import { waiting } from "../robustness/fixture.ts";
import { type StateClient, StateFixture } from "./state_fixture.ts";

const MINORS = [0, 1, 2] as const;
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

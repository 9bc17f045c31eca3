import { assert, assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import type { FileSystem } from "../../../src/vfs/mod.ts";
import { FsError, type FsErrorCode } from "../../../src/vfs/errors.ts";
import { errorLists } from "../../docs/error_lists.ts";
import { type StateClient, StateFixture } from "../../engine/state_fixture.ts";
import {
  anonymousStateid,
  CreateMode,
  FileType,
  op,
  type Request,
  statusName,
  walk,
} from "../../support/client/mod.ts";

/** What a file system throws: an error of its own, or something that it should not. */
type Fault = FsErrorCode | "a mistake";

/** A memory file system that fails when it is told to. */
class Failing {
  readonly fs: FileSystem;
  #fault: Fault | undefined;
  #methods: ReadonlySet<string> | undefined;

  constructor() {
    const inner = memory({ file: "content", folder: { below: "" }, other: {} });
    this.fs = new Proxy(inner, {
      get: (target, name) => {
        const value = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          this.#check(String(name));
          return value.apply(target, args);
        };
      },
    });
  }

  /** From now on these methods fail; all that can, if none is named. */
  fail(fault: Fault, methods?: readonly string[]): void {
    this.#fault = fault;
    this.#methods = methods && new Set(methods);
  }

  /** Nothing fails any more. */
  mend(): void {
    this.#fault = undefined;
  }

  #check(method: string): void {
    if (this.#fault === undefined || NEVER.has(method)) return;
    if (this.#methods !== undefined && !this.#methods.has(method)) return;
    if (this.#fault === "a mistake") throw new TypeError("a fault of ours");
    throw new FsError(this.#fault);
  }
}

/** Methods that a file system answers from memory, or whose failure nobody waits for. */
const NEVER: ReadonlySet<string> = new Set(["root", "identify", "close"]);

/** The methods that write. */
const CHANGES = ["create", "link", "rename", "setattr", "write", "commit"];

/** What each fault is to a client (RFC 8881 15.1.2, 15.1.4, RFC 7530 13.1). */
const everywhere: [Fault, string][] = [
  ["io", "IO"],
  ["busy", "DELAY"],
  ["too-many-removed", "DELAY"],
  ["stale", "STALE"],
  ["access", "ACCESS"],
  ["a mistake", "SERVERFAULT"],
];
const inChanges: [Fault, string][] = [
  ["no-space", "NOSPC"],
  ["quota", "DQUOT"],
  ["too-big", "FBIG"],
  ["too-many-links", "MLINK"],
  ["read-only", "ROFS"],
  ["permission", "PERM"],
];

/** What PUTFH, whose list is short, tells of each. */
const atPutfh: Record<Fault, string> = {
  "stale": "STALE",
  "not-found": "STALE",
  "busy": "DELAY",
  "too-many-removed": "DELAY",
  "access": "SERVERFAULT",
  "permission": "SERVERFAULT",
  "exists": "SERVERFAULT",
  "not-directory": "SERVERFAULT",
  "is-directory": "SERVERFAULT",
  "not-empty": "SERVERFAULT",
  "wrong-type": "SERVERFAULT",
  "invalid": "SERVERFAULT",
  "name-too-long": "SERVERFAULT",
  "cross-device": "SERVERFAULT",
  "read-only": "SERVERFAULT",
  "no-space": "SERVERFAULT",
  "quota": "SERVERFAULT",
  "too-big": "SERVERFAULT",
  "too-many-links": "SERVERFAULT",
  "no-xattr": "SERVERFAULT",
  "xattr-too-big": "SERVERFAULT",
  "not-supported": "SERVERFAULT",
  "io": "SERVERFAULT",
  "a mistake": "SERVERFAULT",
};

/** A request, and the folder or file that it is about: the path of the saved filehandle, if any, then of the current one. */
interface Case {
  readonly request: Request;
  readonly at: string;
  readonly saved?: string;
}

/** All of them, with an open owner of this name. */
function cases(client: StateClient, opener: string): Case[] {
  const create = { type: FileType.DIR, name: "new" };
  const locker = { openStateid: anonymousStateid, owner: client.owner() };
  const make = { mode: CreateMode.UNCHECKED, attributes: { mode: 0o644 } };
  return [
    { request: op.access(1), at: "file" },
    { request: op.commit(), at: "file" },
    { request: op.create(create), at: "folder" },
    { request: op.getattr(["size"]), at: "file" },
    { request: op.link("new"), at: "folder", saved: "file" },
    { request: op.lock({ locker }), at: "file" },
    { request: op.lockt({ owner: client.owner() }), at: "file" },
    { request: op.lookup("below"), at: "folder" },
    { request: op.lookupp(), at: "folder" },
    { request: op.nverify({ size: 1n }), at: "file" },
    { request: op.openattr(true), at: "file" },
    {
      request: op.open({
        owner: client.owner(opener),
        access: 3,
        create: make,
        claim: { claim: "null", name: "new" },
      }),
      at: "folder",
    },
    { request: op.read(), at: "file" },
    { request: op.readdir(), at: "folder" },
    { request: op.readlink(), at: "link" },
    { request: op.remove("below"), at: "folder" },
    { request: op.rename("below", "new"), at: "other", saved: "folder" },
    { request: op.secinfo("below"), at: "folder" },
    { request: op.setattr({ size: 3n }), at: "file" },
    { request: op.verify({ size: 7n }), at: "file" },
    { request: op.write({ data: "x" }), at: "file" },
    ...(client.minorVersion === 0 ? [] : [
      { request: op.secinfoNoName(1), at: "folder" },
      { request: op.getDirDelegation(), at: "folder" },
    ]),
  ];
}

for (const minor of [0, 1] as const) {
  const version = minor === 0 ? "4.0" : "4.1";

  Deno.test(`whatever a back end fails with is told by its status in NFSv${version}, and changes nothing (RFC 8881 15.2, RFC 7530 13.2)`, async () => {
    const failing = new Failing();
    const client = await new StateFixture({ fs: failing.fs }).client(minor);
    const handles = await handlesOf(client);
    // What is known by its filehandle is not asked for again.
    for (const handle of handles.values()) await client.call(op.putfh(handle));
    const faults = [
      ...everywhere.map((fault) => [...fault, undefined] as const),
      ...inChanges.map((fault) => [...fault, CHANGES] as const),
    ];
    for (const [fault, status, methods] of faults) {
      for (const { request, at: path, saved } of cases(client, fault)) {
        if (!errorLists[version].get(request.name)!.includes(status)) continue;
        // What writes nothing can't run out of anything.
        if (methods !== undefined && !CHANGERS.has(request.name)) continue;
        const before = saved === undefined
          ? []
          : [op.putfh(handles.get(saved)!), op.savefh()];
        failing.fail(fault, methods);
        const at = op.putfh(handles.get(path)!);
        const { last } = await client.call(...before, at, request);
        failing.mend();
        const answer = `${last!.name} ${statusName(last!.status)}`;
        assertEquals(answer, `${request.name} ${status}`, fault);
      }
    }
    const reply = await client.call(op.putrootfh(), op.readdir());
    const { entries } = reply.get("READDIR");
    assertEquals(
      entries.map(({ name }) => name).sort(),
      ["file", "folder", "link", "other"],
    );
  });

  Deno.test(`PUTFH tells of what the back end fails with by the words that it has in NFSv${version} (RFC 8881 18.19.3, RFC 7530 16.20.4)`, async () => {
    const failing = new Failing();
    const client = await new StateFixture({ fs: failing.fs }).client(minor);
    const handle = (await handlesOf(client)).get("file")!;
    for (const [fault, status] of Object.entries(atPutfh)) {
      failing.fail(fault as Fault);
      assertEquals(await client.status(op.putfh(handle)), status, fault);
      assert(errorLists[version].get("PUTFH")!.includes(status), status);
    }
    failing.mend();
    assertEquals(await client.status(op.putfh(handle)), "OK");
  });
}

Deno.test("what a back end has no method for is NOTSUPP where the list has that, else ROFS (RFC 8881 15.2, RFC 7530 13.2)", async () => {
  const inner = memory({ file: "content" });
  const fs = new Proxy(inner, {
    get(target, name) {
      if (name === "link" || name === "readlink") return undefined;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  for (const minor of [0, 1] as const) {
    const client = await new StateFixture({ fs }).client(minor);
    const link = [
      ...walk(["file"]),
      op.savefh(),
      op.putrootfh(),
      op.link("new"),
    ];
    assertEquals(await client.status(...link), "NOTSUPP");
  }
  const v40 = await new StateFixture({ fs }).client(0);
  const symlink = { type: FileType.LNK, name: "link", link: "x" };
  await v40.ok("CREATE", op.putrootfh(), op.create(symlink));
  assertEquals(await v40.status(...walk(["link"]), op.readlink()), "NOTSUPP");
});

/** The operations that change what is stored. */
const CHANGERS: ReadonlySet<string> = new Set(
  ["CREATE", "LINK", "OPEN", "RENAME", "SETATTR", "WRITE"],
);

/** Filehandles by name, of a symlink too. */
async function handlesOf(
  client: StateClient,
): Promise<Map<string, Uint8Array>> {
  const symlink = { type: FileType.LNK, name: "link", link: "file" };
  await client.ok("CREATE", op.putrootfh(), op.create(symlink));
  const handles = new Map<string, Uint8Array>();
  for (const name of ["file", "folder", "other", "link"]) {
    const { filehandle } = await client.ok(
      "GETFH",
      ...walk([name]),
      op.getfh(),
    );
    handles.set(name, filehandle);
  }
  return handles;
}

import { assert, assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { type NfsServer, serve } from "../../src/server.ts";
import type { FileSystem, ServerRecords } from "../../src/vfs/mod.ts";
import { Share } from "../../src/nfs4/constants.ts";
import { Want } from "../../src/state/delegations.ts";
import { freePort } from "../interop/server.ts";
import {
  anonymousStateid,
  op,
  openSession,
  type Request,
  type Session,
  SessionFlag,
  walk,
} from "../support/client/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";

/*
 * Whatever a member of a file system does that it must not: the process goes on,
 * each client is answered or its connection goes on, other exports are served,
 * and the server ends. All members are here, or this does not compile.
 */

/** When a member is asked: once, as a server starts, or again and again. */
type Asked = "at start" | "later" | "at the end";

const MEMBERS: Readonly<Record<keyof FileSystem, Asked>> = {
  limits: "at start",
  trust: "at start",
  folder: "at start",
  stats: "later",
  records: "at start",
  root: "later",
  identify: "later",
  resolve: "later",
  getattr: "later",
  lookup: "later",
  parent: "later",
  readdir: "later",
  read: "later",
  readlink: "later",
  status: "later",
  open: "later",
  close: "later",
  preserveUnlinked: "at start",
  setattr: "later",
  write: "later",
  getxattr: "later",
  listxattrs: "later",
  setxattr: "later",
  removexattr: "later",
  commit: "later",
  allocate: "later",
  deallocate: "later",
  clone: "later",
  seek: "later",
  create: "later",
  link: "later",
  remove: "later",
  rename: "later",
  settle: "later",
  unsettled: "later",
  losses: "later",
  loss: "later",
  lostWrites: "later",
  failure: "later",
  watch: "at start",
  guard: "later",
  guardFolder: "later",
  place: "later",
  dispose: "at the end",
};

const OF_RECORDS: Readonly<Record<keyof ServerRecords, Asked>> = {
  changes: "later",
  put: "later",
  delete: "later",
  all: "at start",
  watch: "at start",
};

const ALL: readonly (readonly [member: string, asked: Asked])[] = [
  ...Object.entries(MEMBERS),
  ...Object.entries(OF_RECORDS).map(([name, asked]) =>
    [`records.${name}`, asked] as const
  ),
  ["guard.dispose", "later"],
  ["guardFolder.dispose", "later"],
  ["preserveUnlinked.dispose", "at start"],
];

const rejected = () => Promise.reject(new Error("not to be heard"));

/** Of a file of some bytes, behind its end. */
const cloned = {
  source: anonymousStateid,
  destination: anonymousStateid,
  destinationOffset: 65_536n,
};

/** What it does instead of `act`, which is what it is for. */
type Misdeed = (act: () => unknown, args: readonly unknown[]) => unknown;

const MISDEEDS: Readonly<Record<string, Misdeed>> = {
  throws: () => {
    throw new Error("not to be heard");
  },
  rejects: rejected,
  "rejects after its work": async (act) => {
    await act();
    return rejected();
  },
  "returns null": () => null,
  "returns promises in parts": () => ({
    ...{ node: rejected(), change: rejected(), source: rejected() },
    ...{ bytes: rejected(), type: rejected(), totalBytes: rejected() },
    entries: [rejected(), { name: "f", cookie: 1, node: rejected() }],
  }),
  "gives memory away": (act, args) => {
    const given = act();
    for (const each of args) {
      if (!(each instanceof Uint8Array)) continue;
      structuredClone(each.buffer, { transfer: [each.buffer as ArrayBuffer] });
    }
    return given;
  },
  "never settles": () => new Promise(() => {}),
};

/** The members that some misdeeds are for: any object may be a node, and few are handed memory. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  "returns promises in parts": [
    ...["getattr", "readdir", "read", "status"],
    ...["create", "link", "remove", "rename", "setxattr", "removexattr"],
  ],
  "gives memory away": ["resolve", "read", "write", "setxattr", "records.put"],
};

const LIMIT = 1_000;

/** A tree in memory with all members, one of which does as `misdeed` says once it is armed. */
class Culprit {
  readonly fs: FileSystem;
  isArmed: boolean;
  /** How often the member was asked for while it was armed. */
  asked = 0;
  readonly #member: string;
  readonly #misdeed: Misdeed;

  constructor([member, asked]: readonly [string, Asked], misdeed: Misdeed) {
    this.#member = member;
    this.#misdeed = misdeed;
    this.isArmed = asked === "at start";
    this.fs = this.#wrap("", wholeTree());
  }

  #wrap<T extends object>(prefix: string, inner: T): T {
    return new Proxy(inner, {
      get: (target, name) => {
        const member = prefix + String(name);
        const own = Reflect.get(target, name);
        if (typeof own === "function") {
          return (...args: unknown[]) => {
            const act = () => Reflect.apply(own, target, args);
            if (!this.#does(member)) return this.#inside(member, act());
            return this.#misdeed(act, args);
          };
        }
        if (this.#does(member)) return this.#misdeed(() => own, []);
        return this.#inside(member, own);
      },
    });
  }

  #inside(member: string, value: unknown): unknown {
    if (member === "records") return this.#wrap("records.", value as object);
    const isGuard = member === "guard" || member === "guardFolder" ||
      member === "preserveUnlinked";
    if (!isGuard || value === undefined) return value;
    const end = () => {};
    return {
      [Symbol.dispose]: () =>
        this.#does(`${member}.dispose`) ? this.#misdeed(end, []) : end(),
    };
  }

  #does(member: string): boolean {
    if (!this.isArmed || member !== this.#member) return false;
    this.asked++;
    return true;
  }
}

function wholeTree(): Required<FileSystem> {
  const tree = memory({ f: "content", g: "x", d: { e: "" } }) as FileSystem;
  const create = tree.create!.bind(tree);
  create(tree.root(), "l", { type: "symlink", target: "f" }, {
    attributes: { mode: 0o777, uid: 0, gid: 0 },
  });
  let asked = 0;
  const own: Partial<FileSystem> = {
    limits: {},
    trust: "any",
    folder: { path: "/elsewhere", isShown: false },
    stats: {
      ...{ durability: "full", failed: false, operations: 0, commits: 0 },
      ...{ syncs: 0, settles: 0, writtenBytes: 0 },
    },
    records: new HeldRecords(),
    unsettled: 0,
    // One while a request is carried out, now and then: its reason is asked for.
    get losses() {
      return Math.floor(++asked / 3);
    },
    loss: undefined,
    lostWrites: 0,
    failure: () => undefined,
    settle: () => {},
    watch: () => {},
    guard: () => ({ [Symbol.dispose]: () => {} }),
    guardFolder: () => ({ [Symbol.dispose]: () => {} }),
    preserveUnlinked: () => ({ [Symbol.dispose]: () => {} }),
    dispose: () => {},
  };
  return new Proxy(tree, {
    get(target, name) {
      if (Object.hasOwn(own, name)) return own[name as keyof FileSystem];
      const given = Reflect.get(target, name);
      return typeof given === "function" ? given.bind(target) : given;
    },
  }) as Required<FileSystem>;
}

class HeldRecords implements ServerRecords {
  #changes = 0;
  readonly #rows = new Map<string, Map<string, Uint8Array>>();

  /** As if there always were some: files may have changed. */
  get changes(): number {
    return ++this.#changes;
  }

  put(collection: string, key: string, value: Uint8Array): void {
    this.all(collection).set(key, value.slice());
  }

  delete(collection: string, key: string): void {
    this.all(collection).delete(key);
  }

  all(collection: string): Map<string, Uint8Array> {
    const rows = this.#rows.get(collection) ?? new Map<string, Uint8Array>();
    this.#rows.set(collection, rows);
    return rows;
  }

  watch(): void {}
}

/** Uses of every member. */
function work(session: Session): readonly (readonly Request[])[] {
  const at = (...names: string[]) => walk(["h", ...names]);
  const owner = { clientid: session.client.clientid, owner: Uint8Array.of(1) };
  const access = Share.ACCESS_BOTH | Want.WRITE;
  // For who is trusted with a file, it stays open when it is closed.
  const untrusted = Share.ACCESS_BOTH | Want.NO_DELEGATION;
  const range = { stateid: anonymousStateid, offset: 0n, length: 1n };
  const current = { seqid: 1, other: new Uint8Array(12) };
  return [
    [
      ...at(),
      op.open({ access, owner, claim: { claim: "null", name: "f" } }),
      op.close(current),
    ],
    [
      ...at(),
      op.open({
        access: untrusted,
        owner,
        claim: { claim: "null", name: "g" },
      }),
      op.close(current),
    ],
    [...at("f"), op.getattr(["type", "size", "change"]), op.getfh()],
    [...at("f"), op.read({ count: 100 }), op.write({ data: "x" })],
    [...at("f"), op.allocate(range)],
    [...at("f"), op.seek({ stateid: anonymousStateid, offset: 0n, what: 1 })],
    [...at("f"), op.deallocate(range)],
    [...at("f"), op.setxattr("n", "v"), op.removexattr("n")],
    [...at("f"), op.getxattr("n")],
    [...at("f"), op.listxattrs()],
    [...at("f"), op.savefh(), op.clone(cloned)],
    [...at("f"), op.commit(), op.setattr({ mode: 0o600 })],
    [
      ...at("d"),
      op.getDirDelegation([3]),
      op.savefh(),
      op.create({ type: 2, name: "told" }),
      op.restorefh(),
      op.remove("told"),
      op.delegreturn(current),
    ],
    [...at("d"), op.lookupp(), op.getattr(["space_free"])],
    [...at("l"), op.readlink()],
    [...at(), op.readdir({ attributes: ["type", "fileid"] })],
    [...at(), op.create({ type: 2, name: "new" }), op.getattr(["type"])],
    [...at("f"), op.savefh(), ...at(), op.link("linked")],
    [...at(), op.savefh(), op.rename("linked", "renamed")],
    [...at(), op.remove("renamed")],
  ];
}

const needsFiles: Deno.PermissionDescriptor[] = [
  { name: "write" },
  { name: "read" },
  { name: "sys" },
];
const ignore = needsFiles.some((each) =>
  Deno.permissions.querySync(each).state !== "granted"
);

for (const [what, misdeed] of Object.entries(MISDEEDS)) {
  Deno.test(
    `a member that ${what} harms no other client, and the server ends`,
    {
      ignore,
    },
    async () => {
      const unheard: unknown[] = [];
      const note = (event: PromiseRejectionEvent) => {
        event.preventDefault();
        unheard.push(event.reason);
      };
      globalThis.addEventListener("unhandledrejection", note);
      for (const [member, when] of ALL) {
        if (ONLY[what]?.includes(member) === false) continue;
        const culprit = new Culprit([member, when], misdeed);
        await tryOut(culprit);
        assert(culprit.asked > 0, `${member} is not asked`);
        await again();
        assertEquals(unheard, [], member);
      }
      globalThis.removeEventListener("unhandledrejection", note);
    },
  );
}

async function tryOut(culprit: Culprit): Promise<void> {
  const stateDirectory = Deno.makeTempDirSync();
  const clock = new FakeClock();
  /** Time goes on for as long as the other end of a call does nothing. */
  const passing = async <T>(call: Promise<T>): Promise<T> => {
    let isOver = false;
    const end = () => void (isOver = true);
    call.then(end, end);
    for (let turns = 0; !isOver; turns++) {
      await again();
      if (turns > 2) clock.advance(LIMIT);
      assert(turns < 100, "it does not end");
    }
    return call;
  };
  try {
    const started = serve([
      { path: "/h", fs: culprit.fs, squash: "none" },
      { path: "/s", fs: memory({ f: "" }), squash: "none", readOnly: true },
    ], {
      ...{ port: freePort(), metricsPort: 0, stateDirectory, clock },
      ...{ fileSystemTimeout: LIMIT, leaseSeconds: 100_000 },
    });
    const server = await passing(started).catch(() => undefined);
    // A line for the author is as good.
    if (server === undefined) return;
    await useOf(server, { culprit, passing });
    await passing(server.close().catch(() => {}));
  } finally {
    Deno.removeSync(stateDirectory, { recursive: true });
  }
}

async function useOf(server: NfsServer, { culprit, passing }: {
  readonly culprit: Culprit;
  readonly passing: <T>(call: Promise<T>) => Promise<T>;
}): Promise<void> {
  const { port, metricsPort } = server;
  const flags = SessionFlag.PERSIST | SessionFlag.CONN_BACK_CHAN;
  await using witness = await openSession({ port });
  await using session = await passing(
    openSession({ port, flags, minorVersion: 2 }),
  );
  const { filehandle, stateid } = await delegated(session);
  culprit.isArmed = true;
  const requests = [
    [op.putfh(filehandle), op.getfh(), op.delegreturn(stateid)],
    ...work(session),
  ];
  for (const request of requests) {
    await passing(session.compound(request, { expect: "any" }))
      // Its session may be one that can't be kept.
      .catch(() => {});
  }
  await passing(session.destroy()).catch(() => {});
  await passing(witness.compound(walk(["s", "f"])));
  for (const page of ["metrics", "healthz"]) {
    const url = `http://127.0.0.1:${metricsPort}/${page}`;
    const text = await passing(fetch(url).then((page) => page.text()));
    assert(text !== "", page);
  }
}

/** A file that the client is trusted with, once it is known that it can be called back. */
async function delegated(session: Session) {
  for (let i = 0; i < 100; i++) {
    const opened = await session.open(["h", "g"], { owner: `${i}` });
    const { delegation, filehandle } = opened;
    if ("stateid" in delegation) {
      return { filehandle, stateid: delegation.stateid };
    }
    await again();
  }
  throw new Error("no delegation");
}

const again = () => new Promise((resolve) => setTimeout(resolve));

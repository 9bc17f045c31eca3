import { assertEquals } from "@std/assert";
import {
  memory,
  type MemoryFileSystem,
  type MemoryNode,
} from "../../src/backends/memory/mod.ts";
import {
  CreateMode,
  FileType,
  op,
  type Request,
  walk,
} from "../support/client/mod.ts";
import { Gate, waiting } from "../robustness/fixture.ts";
import { type StateClient, StateFixture } from "./state_fixture.ts";

const MINORS = [0, 1, 2] as const;
const CALLER = 1001;
const OTHER = 1002;

/** The folder that everything happens in, for all to use, and the caller's files in it. */
class Tree {
  readonly fs: MemoryFileSystem = memory({ t: { file: "judged", to: "" } });

  constructor() {
    this.fs.setattr(this.node("t"), { mode: 0o1777 });
    for (const name of ["file", "to"]) {
      this.fs.setattr(this.node("t", name), { uid: CALLER, mode: 0o4777 });
    }
  }

  node(...path: string[]): MemoryNode {
    return path.reduce(
      (folder, name) => this.fs.lookup(folder, name)!,
      this.fs.root(),
    );
  }

  at(name: string) {
    return { directory: this.node("t"), name };
  }

  /** Another user's file takes the name. */
  exchange(name: string): void {
    this.fs.rename(this.at(name), this.at(`judged ${name}`));
    const attributes = { mode: 0o600, uid: OTHER, gid: OTHER };
    this.fs.create(this.node("t"), name, { type: "file" }, { attributes });
  }

  /** What can be seen of it all. */
  get state(): unknown {
    const { entries } = this.fs.readdir(this.node("t"), 0, 100);
    return [
      this.node("t").mode,
      ...entries.map((
        { name, node },
      ) => [name, node!.fileid, node!.uid, node!.mode, node!.size]),
    ];
  }
}

const IN = walk(["t"]);
const FILE = walk(["t", "file"]);

/** The last request waits before `method`, and meanwhile comes `change`. */
interface Case {
  readonly method: string;
  readonly requests: (client: StateClient) => readonly Request[];
  readonly change: (tree: Tree) => void;
}

/** Its owner sets the mode of the file. */
const setMode = (tree: Tree) =>
  tree.fs.setattr(tree.node("t", "file"), { mode: 0o600 });

/** None but its owner may change the folder from now on. */
const close = (tree: Tree) => tree.fs.setattr(tree.node("t"), { mode: 0o755 });

const cases: Record<string, Case> = {
  "SETATTR of a file that got another owner": {
    method: "setattr",
    requests: () => [...FILE, op.setattr({ mode: 0o4711 })],
    change: (tree) =>
      tree.fs.setattr(tree.node("t", "file"), { uid: OTHER, mode: 0o755 }),
  },
  "SETATTR of a size whose completed mode is not the file's any more": {
    method: "setattr",
    requests: () => [...FILE, op.setattr({ size: 1n })],
    change: setMode,
  },
  "WRITE that takes setuid from a mode that was set anew": {
    method: "setattr",
    requests: () => [...FILE, op.write({ data: "x" })],
    change: setMode,
  },
  "REMOVE of what another user has made meanwhile": {
    method: "remove",
    requests: () => [...IN, op.remove("file")],
    change: (tree) => tree.exchange("file"),
  },
  "REMOVE of a file that was given away, in a sticky folder": {
    method: "remove",
    requests: () => [...IN, op.remove("file")],
    change: (tree) => tree.fs.setattr(tree.node("t", "file"), { uid: OTHER }),
  },
  "REMOVE from a folder that was closed": {
    method: "remove",
    requests: () => [...IN, op.remove("file")],
    change: close,
  },
  "RENAME of what another user has made meanwhile": {
    method: "rename",
    requests: () => [...IN, op.savefh(), op.rename("file", "to")],
    change: (tree) => tree.exchange("file"),
  },
  "RENAME over what another user has made meanwhile": {
    method: "rename",
    requests: () => [...IN, op.savefh(), op.rename("file", "to")],
    change: (tree) => tree.exchange("to"),
  },
  "RENAME to a name that was free": {
    method: "rename",
    requests: () => [...IN, op.savefh(), op.rename("file", "free")],
    change: (tree) => {
      const attributes = { mode: 0o600, uid: OTHER, gid: OTHER };
      const how = { attributes };
      tree.fs.create(tree.node("t"), "free", { type: "file" }, how);
    },
  },
  "LINK in a folder that was closed": {
    method: "link",
    requests: () => [...FILE, op.savefh(), ...IN, op.link("link")],
    change: close,
  },
  "CREATE in a folder that was closed": {
    method: "create",
    requests: () => [...IN, op.create({ type: FileType.DIR, name: "new" })],
    change: close,
  },
  "OPEN that makes a file in a folder that was closed": {
    method: "create",
    requests: (client) => {
      const create = { mode: CreateMode.GUARDED, attributes: { mode: 0o644 } };
      return [...IN, client.openOp("new", { create })];
    },
    change: close,
  },
  "OPEN that cuts a file whose mode was set anew": {
    method: "setattr",
    requests: (client) => {
      const create = { mode: CreateMode.UNCHECKED, attributes: { size: 0n } };
      return [...IN, client.openOp("file", { create })];
    },
    change: setMode,
  },
};

for (const [what, { method, requests, change }] of Object.entries(cases)) {
  Deno.test(`${what}: the caller is judged anew`, async () => {
    for (const minor of MINORS) {
      const tree = new Tree();
      const gate = new Gate(method);
      const fixture = new StateFixture({ fs: waiting(tree.fs, gate.hold) });
      const client = await fixture.client(minor, { uid: CALLER });
      gate.shut();
      const answered = client.status(...requests(client));
      await gate.reached();
      change(tree);
      const { state } = tree;
      gate.open();
      assertEquals(await answered, "DELAY");
      assertEquals(tree.state, state);
    }
  });
}

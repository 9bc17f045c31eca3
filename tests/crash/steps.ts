/**
 * The steps of the kill test: which one comes next, and how it goes over the
 * wire. Each is one COMPOUND that changes one thing.
 *
 * @module
 */
import { type Ace, AceMask, INHERITABLE } from "../../src/vfs/acl.ts";
import type { Model, Step } from "../backends/sqlite/crash_model.ts";
import { listOf, pattern } from "../backends/sqlite/fixture.ts";
import {
  anonymousStateid,
  CreateMode,
  currentStateid,
  FileType,
  op,
  type Request,
  type Session,
  Stable,
} from "../support/client/mod.ts";
import type { SeededRandom } from "../support/seeded_random.ts";
import { wireOfAces } from "./wire_aces.ts";

/** From so many nodes on something goes for each that comes. */
const MANY = 24;
const STABLE = {
  unstable: Stable.UNSTABLE,
  data: Stable.DATA_SYNC,
  file: Stable.FILE_SYNC,
};
const MODE = 0o644;
/** Some chunks of COPY, each of which may be what a crash has left last. */
const LONGEST_COPY = 200_000;

/** The next step in a tree; `name` is one that was never used. */
export function nextStep(
  model: Model,
  { random, name }: { readonly random: SeededRandom; readonly name: string },
): Step {
  const kind = random.below(29);
  const files = model.paths("file");
  if (files.length === 0 || kind < 4) {
    return model.nodes.size > MANY ? removal(model, random) : make();
  }
  const path = random.pick(files);
  if (kind < 11) {
    const stability = random.pick(["unstable", "data", "file"] as const);
    const offset = random.below(2) * lengthOf(random);
    const length = 1 + lengthOf(random);
    const seed = random.below(1000);
    return { op: "write", path, offset, length, seed, stability };
  }
  if (kind < 13) return { op: "commit", path };
  if (kind === 13) return { op: "size", path, size: lengthOf(random) };
  if (kind === 14) return mode(path);
  if (kind === 15) return { op: "link", path, to: free() };
  if (kind === 16) return removal(model, random);
  if (kind === 17) {
    const [offset, length] = [lengthOf(random), 1 + lengthOf(random)];
    return { op: "punch", path, offset, length };
  }
  if (kind > 25) return rights();
  if (kind === 25) return clone();
  if (kind > 22) return copy();
  if (kind > 19) return xattr();
  return rename();

  function free(): string {
    const folders = model.paths("directory")
      .filter((path) => path.split("/").length < 4);
    const folder = random.pick(["", ...folders.map((path) => `${path}/`)]);
    return folder + name;
  }

  function make(): Step {
    const path = free();
    const op = random.pick(["file", "file", "file", "folder", "symlink"]);
    if (op === "symlink") return { op, path, target: `../${path}` };
    return { op: op === "folder" ? op : "file", path };
  }

  function mode(path: string): Step {
    return { op: "mode", path, mode: random.below(0o1000) };
  }

  /** An access list of a file or folder, or the mode of what has one. */
  function rights(): Step {
    const all = [...files, ...model.paths("directory")];
    const listed = all.filter((each) => model.nodes.get(each)!.acl);
    if (listed.length > 0 && random.oneIn(3)) return mode(random.pick(listed));
    const path = random.pick(all);
    const acl = accessList(random, model.nodes.get(path)!.type);
    return { op: "acl", path, acl };
  }

  function xattr(): Step {
    const known = [...model.nodes.get(path)!.xattrs.keys()];
    if (known.length > 0 && random.oneIn(3)) {
      return { op: "no-xattr", path, name: random.pick(known) };
    }
    const name = `n${random.below(3)}`;
    const seed = random.below(1000);
    const length = random.below(random.pick([50, 5000, 65_537]));
    return { op: "xattr", path, name, length, seed };
  }

  function copy(): Step {
    const target = model.nodes.get(path);
    const sources = files.filter((each) => {
      const node = model.nodes.get(each)!;
      return node !== target && node.data.length > 0;
    });
    if (sources.length === 0) return { op: "commit", path };
    const sizeOf = (each: string) => model.nodes.get(each)!.data.length;
    sources.sort((a, b) => sizeOf(b) - sizeOf(a));
    const from = random.oneIn(2) ? sources[0]! : random.pick(sources);
    const size = sizeOf(from);
    const sourceOffset = random.oneIn(2) ? 0 : random.below(size);
    const length = Math.min(size - sourceOffset, LONGEST_COPY);
    const offset = lengthOf(random);
    return { op: "copy", path, from, sourceOffset, offset, length };
  }

  function clone(): Step {
    const { data } = model.nodes.get(path)!;
    const sources = files.filter((each) => {
      const node = model.nodes.get(each)!;
      return node.data !== data && node.data.length >= data.length;
    });
    if (sources.length === 0) return { op: "commit", path };
    const from = random.pick(sources);
    const { length } = model.nodes.get(from)!.data;
    return { op: "clone", path, from, sourceOffset: 0, offset: 0, length };
  }

  function rename(): Step {
    const from = random.pick([...model.nodes.keys()]);
    const isFolder = model.nodes.get(from)!.type === "directory";
    const replaces = !isFolder && random.oneIn(2);
    const to = replaces ? path : free();
    if (`${to}/`.startsWith(`${from}/`)) return { op: "commit", path };
    return { op: "rename", path: from, to };
  }
}

function removal(model: Model, random: SeededRandom): Step {
  const leaves = [...model.nodes].filter(([path, { type }]) =>
    type !== "directory" || model.below(path).length === 0
  );
  const [path, { type }] = random.pick(leaves);
  const isOpen = type === "file" && random.oneIn(3);
  return { op: isOpen ? "remove-open" : "remove", path };
}

/** A few entries or many; of a folder some that it hands on. */
function accessList(random: SeededRandom, type: string): readonly Ace[] {
  const most = type === "directory" ? INHERITABLE : 0;
  return listOf(random.below(random.pick([3, 30, 300]))).map((ace) => ({
    ...ace,
    flags: random.below(4) & most,
    // What is told to all can't be denied.
    mask: ace.mask & ~AceMask.READ_ATTRIBUTES,
  }));
}

/** Small ones, and ones around what decides where content is kept. */
function lengthOf(random: SeededRandom): number {
  const some = random.pick([0, 500, 20_000, 20_000]);
  return random.below(some + 1) + random.below(2) * random.below(50_000);
}

/** The step as a COMPOUND behind PUTFH of the folder that paths begin in. */
export function requestsOf(
  step: Step,
  { root, session }: { readonly root: Uint8Array; readonly session: Session },
): Request[] {
  const [folder, name] = split(step.path);
  const at = (names: readonly string[]) => [
    op.putfh(root),
    ...names.map((name) => op.lookup(name)),
  ];
  const file = () => at([...folder, name]);
  const create = (type: number, link?: string) => [
    ...at(folder),
    op.create({ type, name, link, attributes: { mode: MODE } }),
  ];
  const owner = {
    clientid: session.client.clientid,
    owner: new TextEncoder().encode(step.path),
  };
  const claim = { claim: "null", name } as const;
  switch (step.op) {
    case "file": {
      const attributes = { mode: MODE };
      const how = { mode: CreateMode.GUARDED, attributes };
      const opening = op.open({ access: 3, owner, create: how, claim });
      return [...at(folder), opening, op.close(currentStateid)];
    }
    case "folder":
      return create(FileType.DIR);
    case "symlink":
      return create(FileType.LNK, step.target);
    case "write": {
      const data = pattern(step.length, step.seed);
      const stable = STABLE[step.stability];
      const offset = BigInt(step.offset);
      return [...file(), op.write({ offset, stable, data })];
    }
    case "punch": {
      const [offset, length] = [BigInt(step.offset), BigInt(step.length)];
      const range = { stateid: anonymousStateid, offset, length };
      return [...file(), op.deallocate(range)];
    }
    case "copy":
    case "clone": {
      const [above, from] = split(step.from);
      const range = {
        ...{ source: anonymousStateid, destination: anonymousStateid },
        sourceOffset: BigInt(step.sourceOffset),
        destinationOffset: BigInt(step.offset),
        count: BigInt(step.length),
      };
      const act = step.op === "copy" ? op.copy(range) : op.clone(range);
      return [...at([...above, from]), op.savefh(), ...file(), act];
    }
    case "commit":
      return [...file(), op.commit()];
    case "size":
      return [...file(), op.setattr({ size: BigInt(step.size) })];
    case "mode":
      return [...file(), op.setattr({ mode: step.mode })];
    case "xattr": {
      const value = pattern(step.length, step.seed);
      return [...file(), op.setxattr(step.name, value)];
    }
    case "no-xattr":
      return [...file(), op.removexattr(step.name)];
    case "link": {
      const [target, to] = split(step.to);
      return [...file(), op.savefh(), ...at(target), op.link(to)];
    }
    case "rename": {
      const [target, to] = split(step.to);
      const requests = [...at(folder), op.savefh(), ...at(target)];
      return [...requests, op.rename(name, to)];
    }
    case "remove":
      return [...at(folder), op.remove(name)];
    case "remove-open":
      // Nobody closes it: it is the crash that ends the open.
      return [
        ...at(folder),
        op.open({ access: 1, owner, claim }),
        ...at(folder),
        op.remove(name),
      ];
    case "acl":
      if (step.acl === "mode") throw new TypeError("not over the wire");
      return [...file(), op.setattr({ acl: wireOfAces(step.acl) })];
    case "record":
      throw new TypeError("not over the wire");
  }
}

function split(path: string): [folder: string[], name: string] {
  const names = path.split("/");
  const name = names.pop()!;
  return [names, name];
}

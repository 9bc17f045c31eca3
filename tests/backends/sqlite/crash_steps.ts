import type {
  SqliteFileSystem,
  SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import type { CreateKind, Stability } from "../../../src/vfs/mod.ts";
import type { Model, Step } from "./crash_model.ts";
import { attributes, find, listOf, pattern } from "./fixture.ts";

type Random = (below: number) => number;

const making = ["file", "file", "folder", "symlink"] as const;
const changing = [
  ...[
    "write",
    "write",
    "write",
    "punch",
    "clone",
    "clone",
    "clone",
    "size",
    "mode",
    "commit",
    "record",
  ] as const,
  ...["xattr", "xattr", "no-xattr", "acl"] as const,
];
const moving = [
  ...["link", "rename", "rename", "remove", "remove-open"] as const,
];
const BLOCK = 4096;
/** Bytes of a file that is beside the database. */
const LARGE = 20_000;
const stabilities: readonly Stability[] = ["unstable", "data", "file"];

/**
 * Some steps that share a settle. What makes something comes before what
 * changes files, and that before what moves names: after a crash in the middle
 * it is then clear which file a write was to.
 */
export function nextBatch(
  model: Model,
  random: Random,
  { isReopened = false }: {
    /** Whether a file is cut and changed in any case, where one is large enough. */
    readonly isReopened?: boolean;
  } = {},
): Step[] {
  const batch: Step[] = [];
  const add = (step: Step | undefined) => {
    if (step === undefined) return;
    model.apply(step);
    batch.push(step);
  };
  for (let i = random(3); i > 0; i--) add(make(model, random));
  for (let i = random(4); i > 0; i--) add(change(model, random));
  // A cut that is not durable when the file is changed again.
  if (isReopened || random(3) === 0) cut(model, random).forEach(add);
  for (let i = random(3); i > 0; i--) add(move(model, random));
  return batch;
}

function pick<T>(list: readonly T[], random: Random): T | undefined {
  return list[random(list.length || 1)];
}

/** A path that is free, in any folder that is not too deep. */
function freePath(model: Model, random: Random): string | undefined {
  const folders = model.paths("directory").filter((path) => path.length < 30);
  const folder = pick(["", ...folders.map((path) => `${path}/`)], random);
  const path = `${folder}${"abcdefghijklmnop"[random(16)]}${random(6)}`;
  return model.nodes.has(path) ? undefined : path;
}

function make(model: Model, random: Random): Step | undefined {
  const path = freePath(model, random);
  const op = pick(making, random)!;
  if (path === undefined || model.nodes.size > 120) return undefined;
  return op === "symlink" ? { op, path, target: `../${path}` } : { op, path };
}

function change(model: Model, random: Random): Step | undefined {
  const op = pick(changing, random)!;
  if (op === "record") {
    return { op, path: `key${random(5)}`, value: random(256) };
  }
  const ofFolder = (op === "xattr" || op === "acl") && random(3) === 0;
  const path = pick(model.paths(ofFolder ? "directory" : "file"), random);
  if (path === undefined) return undefined;
  if (op === "punch") {
    return { op, path, offset: lengthOf(random), length: 1 + lengthOf(random) };
  }
  if (op === "clone") return clone(model, random);
  if (op === "xattr") {
    const name = `n${random(4)}`;
    const length = pick([random(50), random(5000), random(65_536)], random)!;
    return { op, path, name, length, seed: random(1000) };
  }
  if (op === "no-xattr") {
    const name = pick([...model.nodes.get(path)!.xattrs.keys()], random);
    return name === undefined ? undefined : { op, path, name };
  }
  if (op === "acl") {
    const count = random(3) * random(400);
    return { op, path, acl: count === 0 ? "mode" : listOf(count) };
  }
  if (op === "size") return { op, path, size: lengthOf(random) };
  if (op === "mode") return { op, path, mode: random(0o1000) };
  if (op === "commit") return { op, path };
  const [offset, length] = [random(2) * lengthOf(random), 1 + lengthOf(random)];
  const stability = pick(stabilities, random)!;
  return { op, path, offset, length, seed: random(1000), stability };
}

/** Has a file share bytes with another, or with itself. */
function clone(model: Model, random: Random): Step | undefined {
  const lengthOf = (path: string) => model.nodes.get(path)!.data.length;
  const files = model.paths("file");
  const least = pick([1, LARGE, LARGE], random)!;
  const [from, path] = [
    pick(files.filter((path) => lengthOf(path) >= least), random),
    pick(files, random),
  ];
  if (from === undefined || path === undefined) return undefined;
  const size = lengthOf(from);
  const sourceOffset = BLOCK * random(Math.ceil(size / BLOCK));
  const offset = BLOCK * random(pick([1, 1, 8], random)!);
  const rest = size - sourceOffset;
  const isWhole = rest % BLOCK === 0 || offset + rest >= lengthOf(path);
  const blocks = Math.floor(rest / BLOCK);
  if (!isWhole && blocks === 0) return undefined;
  const length = isWhole && random(3) > 0
    ? rest
    : BLOCK * (1 + random(blocks || 1));
  if (length > rest) return undefined;
  const isSame = model.nodes.get(from) === model.nodes.get(path);
  if (isSame && Math.abs(offset - sourceOffset) < length) return undefined;
  return { op: "clone", path, from, sourceOffset, offset, length };
}

/** Cuts a larger file, and makes a hole in what is left. */
function cut(model: Model, random: Random): Step[] {
  const lengthOf = (path: string) => model.nodes.get(path)!.data.length;
  const large = model.paths("file").filter((path) => lengthOf(path) > LARGE);
  const path = pick(large, random);
  if (path === undefined) return [];
  const size = LARGE + random(lengthOf(path) - LARGE);
  const length = 1 + random(5000);
  return [
    { op: "size", path, size },
    { op: "punch", path, offset: random(size), length },
  ];
}

/** Small ones, and ones around what decides where content is kept. */
function lengthOf(random: Random): number {
  return pick([0, random(500), random(20_000), random(20_000)], random)! +
    random(2) * random(60_000);
}

function move(model: Model, random: Random): Step | undefined {
  const op = pick(moving, random)!;
  const path = pick([...model.nodes.keys()], random);
  if (path === undefined) return undefined;
  const node = model.nodes.get(path)!;
  const isFolder = node.type === "directory";
  if (op === "remove" || op === "remove-open") {
    if (isFolder && (op !== "remove" || model.below(path).length > 0)) return;
    return { op, path };
  }
  const taken = pick(model.paths("file"), random);
  const replaces = op === "rename" && !isFolder && random(2) === 0;
  const to = replaces ? taken : freePath(model, random);
  if (to === undefined || (op === "link" && isFolder)) return undefined;
  return `${to}/`.startsWith(`${path}/`) ? undefined : { op, path, to };
}

/** Does a step to a store; returns how stable its bytes are then. */
export async function act(
  fs: SqliteFileSystem,
  step: Step,
): Promise<Stability | undefined> {
  if (step.op === "write") {
    const data = pattern(step.length, step.seed);
    return await fs.write(
      find(fs, step.path),
      step.offset,
      data,
      step.stability,
    );
  }
  await perform(fs, step);
  return step.op === "punch" || step.op === "clone" ? "file" : undefined;
}

async function perform(
  fs: SqliteFileSystem,
  step: Exclude<Step, { op: "write" }>,
): Promise<void> {
  const { path } = step;
  const { directory, name } = at(fs, path);
  const create = (kind: CreateKind) =>
    fs.create(directory, name, kind, { attributes });
  switch (step.op) {
    case "file":
      create({ type: "file" });
      break;
    case "folder":
      create({ type: "directory" });
      break;
    case "symlink":
      create({ type: "symlink", target: step.target });
      break;
    case "punch":
      await fs.deallocate(find(fs, path), step.offset, step.length);
      break;
    case "clone": {
      const { sourceOffset, offset: targetOffset, length } = step;
      const range = { sourceOffset, targetOffset, length };
      await fs.clone(find(fs, step.from), find(fs, path), range);
      break;
    }
    case "size":
      await fs.setattr(find(fs, path), { size: step.size });
      break;
    case "mode":
      await fs.setattr(find(fs, path), { mode: step.mode });
      break;
    case "commit":
      await fs.commit(find(fs, path));
      break;
    case "xattr": {
      const value = pattern(step.length, step.seed);
      fs.setxattr(find(fs, path), step.name, value, "either");
      break;
    }
    case "acl":
      await fs.setattr(find(fs, path), { acl: step.acl });
      break;
    case "no-xattr":
      fs.removexattr(find(fs, path), step.name);
      break;
    case "link": {
      const to = at(fs, step.to);
      fs.link(find(fs, path), to.directory, to.name);
      break;
    }
    case "rename":
      fs.rename({ directory, name }, at(fs, step.to));
      break;
    case "remove":
      fs.remove(directory, name);
      break;
    case "remove-open":
      fs.open(find(fs, path), { read: true, write: true });
      fs.remove(directory, name);
      break;
    case "record":
      fs.records.put("crash", path, Uint8Array.of(step.value));
      break;
    case "copy":
      throw new TypeError("only over the wire");
  }
}

function at(fs: SqliteFileSystem, path: string) {
  const names = path.split("/");
  const name = names.pop()!;
  const directory: SqliteNode = names.length === 0
    ? fs.root()
    : find(fs, names.join("/"));
  return { directory, name };
}

import type {
  SqliteFileSystem,
  SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import { type Ace, acesOf, areSameAces } from "../../../src/vfs/acl.ts";
import type { FileType, Stability } from "../../../src/vfs/mod.ts";
import { attributes, pattern, whole } from "./fixture.ts";

/** An operation of the crash test; paths are names with "/" between them. */
export type Step =
  | { op: "file" | "folder"; path: string }
  | { op: "symlink"; path: string; target: string }
  | {
    op: "write";
    path: string;
    offset: number;
    length: number;
    seed: number;
    stability: Stability;
  }
  | { op: "punch"; path: string; offset: number; length: number }
  | {
    op: "copy" | "clone";
    path: string;
    from: string;
    sourceOffset: number;
    offset: number;
    length: number;
  }
  | { op: "size"; path: string; size: number }
  | { op: "mode"; path: string; mode: number }
  | { op: "commit"; path: string }
  | { op: "xattr"; path: string; name: string; length: number; seed: number }
  | { op: "no-xattr"; path: string; name: string }
  | { op: "acl"; path: string; acl: readonly Ace[] | "mode" }
  | { op: "link" | "rename"; path: string; to: string }
  | { op: "remove" | "remove-open"; path: string }
  | { op: "record"; path: string; value: number };

/** What is known of a file or folder. */
export interface ModelNode {
  type: FileType;
  mode: number;
  target: string | undefined;
  /** Extended attributes: texts that say what their values are, by name. */
  xattrs: Map<string, string>;
  /** Its access list; `undefined` where it has none. */
  acl: readonly Ace[] | undefined;
  /** What a file has when nothing is lost. */
  data: Uint8Array;
  /** Ranges that may have been lost, or written though nobody was told. */
  doubts: [start: number, end: number][];
  /** Sizes that the file may have; several after unstable writes, any between two after an unstable copy. */
  sizes: [least: number, most: number][];
}

/** The tree that a store should have: nodes by path, and records. */
export class Model {
  readonly nodes = new Map<string, ModelNode>();
  readonly records = new Map<string, number>();

  /** The tree that a store has, with nothing in doubt. */
  static async of(fs: SqliteFileSystem): Promise<Model> {
    const model = new Model();
    const known = new Map<number, ModelNode>();
    const walk = async (folder: SqliteNode, prefix: string) => {
      for (const { name } of fs.readdir(folder, 0, 10_000).entries) {
        const node = fs.lookup(folder, name)!;
        const path = `${prefix}${name}`;
        const data = node.type === "file" ? await whole(fs, node) : empty;
        const { type, mode, target, fileid } = node;
        const xattrs = new Map(
          fs.listxattrs(node).map((
            name,
          ) => [name, described(fs.getxattr(node, name)!)]),
        );
        const entry = known.get(fileid) ??
          {
            type,
            mode,
            target,
            xattrs,
            acl: acesOf(node),
            data,
            doubts: [],
            sizes: [[data.length, data.length]],
          };
        known.set(fileid, entry);
        model.nodes.set(path, entry);
        if (type === "directory") await walk(node, `${path}/`);
      }
    };
    await walk(fs.root(), "");
    for (const [key, value] of fs.records.all("crash")) {
      model.records.set(key, value[0]!);
    }
    return model;
  }

  /** A model that goes its own way. */
  copy(): Model {
    const copied = new Model();
    const twins = new Map<ModelNode, ModelNode>();
    for (const [path, node] of this.nodes) {
      const { doubts, sizes, xattrs } = node;
      const twin = twins.get(node) ?? {
        ...node,
        ...{ doubts: [...doubts], sizes: [...sizes], xattrs: new Map(xattrs) },
      };
      twins.set(node, twin);
      copied.nodes.set(path, twin);
    }
    for (const [key, value] of this.records) copied.records.set(key, value);
    return copied;
  }

  /** Paths of nodes of a type. */
  paths(type: string): string[] {
    return [...this.nodes].filter(([, node]) => node.type === type)
      .map(([path]) => path);
  }

  /** Paths of everything below a folder. */
  below(path: string): string[] {
    return [...this.nodes.keys()].filter((key) => key.startsWith(`${path}/`));
  }

  /** Does a step; `stability` is what a write was answered with, if it was, or "file" for a hole. */
  apply(step: Step, stability: Stability = "unstable"): void {
    const node = this.nodes.get(step.path);
    switch (step.op) {
      case "file":
      case "folder":
      case "symlink":
        this.nodes.set(step.path, made(step));
        break;
      case "write":
        write(node!, step, stability, pattern(step.length, step.seed));
        break;
      case "clone":
      case "copy": {
        const { from, sourceOffset, length } = step;
        const end = sourceOffset + length;
        const bytes = this.nodes.get(from)!.data.slice(sourceOffset, end);
        const before = node!.data.length;
        write(node!, step, stability, bytes);
        const { sizes, data } = node!;
        if (stability === "unstable") sizes.push([before, data.length]);
        break;
      }
      case "punch": {
        const { length } = node!.data;
        const offset = Math.min(step.offset, length);
        const count = Math.min(step.length, length - offset);
        const zeros = new Uint8Array(count);
        write(node!, { offset, length: count }, stability, zeros);
        break;
      }
      case "size": {
        const data = new Uint8Array(step.size);
        data.set(node!.data.subarray(0, step.size));
        node!.data = data;
        node!.doubts = node!.doubts.filter(([start]) => start < step.size);
        node!.sizes = [[step.size, step.size]];
        break;
      }
      case "mode":
        node!.mode = step.mode;
        break;
      case "xattr": {
        const value = pattern(step.length, step.seed);
        node!.xattrs.set(step.name, described(value));
        break;
      }
      case "acl":
        node!.acl = step.acl === "mode" ? undefined : step.acl;
        break;
      case "no-xattr":
        node!.xattrs.delete(step.name);
        break;
      case "commit":
        node!.doubts = [];
        node!.sizes = [[node!.data.length, node!.data.length]];
        break;
      case "link":
        this.nodes.set(step.to, node!);
        break;
      case "rename": {
        // Two names of one file: nothing happens.
        if (this.nodes.get(step.to) === node) break;
        for (const path of this.below(step.path)) {
          const to = `${step.to}${path.slice(step.path.length)}`;
          this.nodes.set(to, this.nodes.get(path)!);
          this.nodes.delete(path);
        }
        this.nodes.set(step.to, node!);
        this.nodes.delete(step.path);
        break;
      }
      case "remove":
      case "remove-open":
        this.nodes.delete(step.path);
        break;
      case "record":
        this.records.set(step.path, step.value);
    }
  }

  /** What differs from what a store has; `undefined` when nothing does. */
  differs(actual: Model): string | undefined {
    const paths = new Set([...this.nodes.keys(), ...actual.nodes.keys()]);
    for (const path of paths) {
      const [mine, its] = [this.nodes.get(path), actual.nodes.get(path)];
      if (mine === undefined) return `${path} should not be there`;
      if (its === undefined) return `${path} is missing`;
      const difference = differs(mine, its);
      if (difference !== undefined) return `${path}: ${difference}`;
      const same = (model: Model, node: ModelNode) =>
        [...model.nodes].filter(([, other]) => other === node)
          .map(([path]) => path).sort().join();
      if (same(this, mine) !== same(actual, its)) return `${path}: its links`;
    }
    const records = (model: Model) => JSON.stringify([...model.records].sort());
    if (records(this) !== records(actual)) return "records";
    return undefined;
  }
}

const empty = new Uint8Array(0);

function made(
  step: Step & { op: "file" | "folder" | "symlink" },
): ModelNode {
  const type = step.op === "folder" ? "directory" : step.op;
  const target = step.op === "symlink" ? step.target : undefined;
  const { mode } = attributes;
  const xattrs = new Map<string, string>();
  const sizes: ModelNode["sizes"] = [[0, 0]];
  const rest = { data: empty, doubts: [], sizes };
  return { type, mode, target, xattrs, acl: undefined, ...rest };
}

/** A value of an extended attribute, as far as a {@linkcode pattern} needs. */
export function described(value: Uint8Array): string {
  return `${value.length} ${value.subarray(0, 2)} ${value.subarray(-2)}`;
}

function write(
  node: ModelNode,
  { offset, length }: { readonly offset: number; readonly length: number },
  stability: Stability,
  bytes: Uint8Array,
): void {
  const end = offset + length;
  const data = new Uint8Array(Math.max(node.data.length, end));
  data.set(node.data);
  data.set(bytes, offset);
  node.data = data;
  if (stability === "unstable") {
    node.doubts.push([offset, end]);
    node.sizes.push([data.length, data.length]);
    return;
  }
  node.sizes = [[data.length, data.length]];
  node.doubts = node.doubts.flatMap(([from, to]) => {
    const rest: [number, number][] = [
      [from, Math.min(to, offset)],
      [Math.max(from, end), to],
    ];
    return rest.filter(([start, stop]) => start < stop);
  });
}

function haveSameList({ acl: a }: ModelNode, { acl: b }: ModelNode): boolean {
  return a === undefined || b === undefined ? a === b : areSameAces(a, b);
}

function differs(mine: ModelNode, its: ModelNode): string | undefined {
  if (its.type !== mine.type) return `type ${its.type}, not ${mine.type}`;
  if (its.mode !== mine.mode) return `mode ${its.mode}, not ${mine.mode}`;
  if (its.target !== mine.target) return "target";
  const xattrs = ({ xattrs }: ModelNode) => JSON.stringify([...xattrs].sort());
  if (xattrs(its) !== xattrs(mine)) {
    return `extended attributes ${xattrs(its)}, not ${xattrs(mine)}`;
  }
  if (!haveSameList(its, mine)) {
    const list = ({ acl }: ModelNode) => JSON.stringify(acl ?? "none");
    return `access list ${list(its)}, not ${list(mine)}`;
  }
  const { length } = its.data;
  if (!mine.sizes.some(([least, most]) => least <= length && length <= most)) {
    return `size ${length}, not ${JSON.stringify(mine.sizes)}`;
  }
  const end = Math.min(mine.data.length, its.data.length);
  for (let at = 0; at < end; at++) {
    if (mine.data[at] === its.data[at]) continue;
    const doubt = mine.doubts.some(([from, to]) => from <= at && at < to);
    if (!doubt) return `byte ${at} is ${its.data[at]}, not ${mine.data[at]}`;
  }
  return undefined;
}

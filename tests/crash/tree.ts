/**
 * What a server shows of a folder, read over the wire.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { isPlain, modeOfAces } from "../../src/vfs/acl_mode.ts";
import { described, type ModelNode } from "../backends/sqlite/crash_model.ts";
import { FileType, op, type Session } from "../support/client/mod.ts";
import { acesOfWire } from "./wire_aces.ts";
import { WireModel } from "./wire_model.ts";

const TYPES: Readonly<Record<number, ModelNode["type"]>> = {
  [FileType.REG]: "file",
  [FileType.DIR]: "directory",
  [FileType.LNK]: "symlink",
};
const ATTRIBUTES = [
  ...["type", "size", "fileid", "mode", "numlinks", "filehandle"] as const,
];
/** Bytes that one COMPOUND reads. */
const TOGETHER = 2 ** 18;
const PIECE = 2 ** 17;

/** A node and what only the server knows of it. */
interface Seen {
  readonly node: ModelNode;
  readonly handle: Uint8Array;
  readonly links: number;
  readonly size: number;
  names: number;
}

/** Reads all below a folder; `handles`, by fileid, is compared and brought up to date. */
export async function readTree(
  session: Session,
  folder: Uint8Array,
  handles: Map<bigint, Uint8Array>,
): Promise<WireModel> {
  const model = new WireModel();
  const seen = new Map<bigint, Seen>();
  await walk(session, { folder, prefix: "", model, seen });
  for (const [fileid, { handle, names, links, node }] of seen) {
    const before = handles.get(fileid);
    if (before !== undefined) assertEquals(handle, before, "a filehandle");
    if (node.type !== "directory") assertEquals(links, names, "numlinks");
  }
  handles.clear();
  for (const [fileid, { handle }] of seen) handles.set(fileid, handle);
  await readContents(session, [...seen.values()]);
  for (const each of seen.values()) await readExtras(session, each);
  return model;
}

async function walk(
  session: Session,
  { folder, prefix, model, seen }: {
    readonly folder: Uint8Array;
    readonly prefix: string;
    readonly model: WireModel;
    readonly seen: Map<bigint, Seen>;
  },
): Promise<void> {
  const below: { folder: Uint8Array; prefix: string }[] = [];
  let [cookie, verifier, end] = [0n, new Uint8Array(8), false];
  while (!end) {
    const reply = await session.compound([
      op.putfh(folder),
      op.readdir({ cookie, verifier, attributes: ATTRIBUTES }),
    ], { cacheThis: false });
    const page = reply.get("READDIR");
    for (const entry of page.entries) {
      const { fileid, type, mode, filehandle, numlinks, size } =
        entry.attributes;
      const known = seen.get(fileid!) ?? {
        node: made(TYPES[type!]!, mode!),
        handle: filehandle!,
        links: numlinks!,
        size: Number(size),
        names: 0,
      };
      known.names++;
      seen.set(fileid!, known);
      model.nodes.set(`${prefix}${entry.name}`, known.node);
      if (type === FileType.DIR) {
        below.push({ folder: filehandle!, prefix: `${prefix}${entry.name}/` });
      }
      cookie = entry.cookie;
    }
    verifier = Uint8Array.from(page.verifier);
    end = page.eof;
  }
  for (const next of below) await walk(session, { ...next, model, seen });
}

function made(type: ModelNode["type"], mode: number): ModelNode {
  const data = new Uint8Array(0);
  return {
    ...{ type, mode, target: undefined, data },
    ...{ xattrs: new Map(), acl: undefined, doubts: [], sizes: [[0, 0]] },
  };
}

/** Contents and targets, many in one COMPOUND. */
async function readContents(
  session: Session,
  all: readonly Seen[],
): Promise<void> {
  let batch: Seen[] = [];
  let bytes = 0;
  const readBatch = async () => {
    const requests = batch.flatMap(({ node, handle, size }) => [
      op.putfh(handle),
      node.type === "symlink" ? op.readlink() : op.read({ count: size }),
    ]);
    const reply = await session.compound(requests, { cacheThis: false });
    let [reads, links] = [0, 0];
    for (const { node, size } of batch) {
      if (node.type === "symlink") {
        node.target = reply.get("READLINK", links++).link;
      } else node.data = Uint8Array.from(reply.get("READ", reads++).data);
      if (node.type === "file") assertEquals(node.data.length, size);
      node.sizes = [[node.data.length, node.data.length]];
    }
    batch = [];
    bytes = 0;
  };
  for (const each of all) {
    const { node, size } = each;
    if (node.type === "directory" || size === 0) continue;
    if (size > PIECE) await readLong(session, each);
    else {
      batch.push(each);
      bytes += size;
    }
    if (bytes > TOGETHER || batch.length >= 14) await readBatch();
  }
  if (batch.length > 0) await readBatch();
}

/** The access list and extended attributes. */
async function readExtras(
  session: Session,
  { node, handle }: Seen,
): Promise<void> {
  const file = op.putfh(handle);
  const listed = await session.compound(
    [file, op.getattr(["acl"]), op.listxattrs()],
    { cacheThis: false },
  );
  const aces = acesOfWire(listed.get("GETATTR").attributes.acl!);
  assertEquals(modeOfAces(aces), node.mode & 0o777, "the mode of a list");
  if (!isPlain(aces, node.type)) node.acl = aces;
  const { names } = listed.get("LISTXATTRS");
  if (names.length === 0) return;
  const reply = await session.compound(
    [file, ...names.map((name) => op.getxattr(name))],
    { cacheThis: false },
  );
  for (const [i, name] of names.entries()) {
    node.xattrs.set(name, described(reply.get("GETXATTR", i).value));
  }
}

async function readLong(
  session: Session,
  { node, handle, size }: Seen,
): Promise<void> {
  node.data = new Uint8Array(size);
  node.sizes = [[size, size]];
  for (let at = 0; at < size; at += PIECE) {
    const reply = await session.compound([
      op.putfh(handle),
      op.read({ offset: BigInt(at), count: PIECE }),
    ], { cacheThis: false });
    const { data } = reply.get("READ");
    assertEquals(data.length, Math.min(PIECE, size - at));
    node.data.set(data, at);
  }
}

/**
 * A file system behind FUSE, as a program of its own: it hangs when it is stopped
 * (SIGSTOP), and goes on when it is continued. `deno run -A fuse_host.ts FOLDER BYTE`
 * mounts it there and says so; it ends, and the mount fails, when it is killed.
 *
 * Its root has a file "f" of 64 KiB, all BYTE but for what is written to it, and a
 * folder "d".
 *
 * @module
 */
import fs from "node:fs";
import { mount } from "../mounting.ts";

const ROOT = 1;
const FILE = 2;
const FOLDER = 3;
const NAMES: ReadonlyMap<string, number> = new Map([["f", FILE], [
  "d",
  FOLDER,
]]);
const SIZE = 65_536;
const IN_HEADER = 40;
const OUT_HEADER = 16;
const [ENOENT, ENOSYS] = [2, 38];

/** FUSE_… of linux/fuse.h. */
const Op = {
  ...{ LOOKUP: 1, FORGET: 2, GETATTR: 3, SETATTR: 4, OPEN: 14, READ: 15 },
  ...{ WRITE: 16, STATFS: 17, RELEASE: 18, FSYNC: 20, FLUSH: 25, INIT: 26 },
  ...{ OPENDIR: 27, READDIR: 28, RELEASEDIR: 29, FSYNCDIR: 30, ACCESS: 34 },
  ...{ INTERRUPT: 36, BATCH_FORGET: 42 },
} as const;

const [place = "", byte] = Deno.args;
const content = new Uint8Array(SIZE).fill(Number(byte));
let changes = 1n;

/** The answer to a request: bytes, an error number, or none. */
function answer(
  op: number,
  { node, body }: { readonly node: number; readonly body: DataView },
): Uint8Array | number | undefined {
  switch (op) {
    case Op.INIT: {
      const out = new DataView(new ArrayBuffer(64));
      out.setUint32(0, 7, true);
      out.setUint32(4, 31, true);
      out.setUint32(20, 128 * 1024, true);
      out.setUint32(24, 1, true);
      return new Uint8Array(out.buffer);
    }
    case Op.LOOKUP: {
      const bytes = new Uint8Array(body.buffer, body.byteOffset);
      const name = new TextDecoder().decode(
        bytes.subarray(0, bytes.indexOf(0)),
      );
      const found = node === ROOT ? NAMES.get(name) : undefined;
      if (found === undefined) return ENOENT;
      const out = new DataView(new ArrayBuffer(128));
      out.setBigUint64(0, BigInt(found), true);
      putAttributes(out, 40, found);
      return new Uint8Array(out.buffer);
    }
    case Op.GETATTR:
    case Op.SETATTR: {
      const out = new DataView(new ArrayBuffer(104));
      putAttributes(out, 16, node);
      return new Uint8Array(out.buffer);
    }
    case Op.OPEN:
    case Op.OPENDIR: {
      const out = new DataView(new ArrayBuffer(16));
      // FOPEN_DIRECT_IO: each read and write is asked for.
      out.setUint32(8, 1, true);
      return new Uint8Array(out.buffer);
    }
    case Op.READ: {
      const at = Number(body.getBigUint64(8, true));
      return content.slice(at, at + body.getUint32(16, true));
    }
    case Op.WRITE: {
      const at = Number(body.getBigUint64(8, true));
      const size = body.getUint32(16, true);
      const data = new Uint8Array(body.buffer, body.byteOffset + 40, size);
      content.set(data.subarray(0, Math.max(0, SIZE - at)), at);
      changes++;
      const out = new DataView(new ArrayBuffer(8));
      out.setUint32(0, size, true);
      return new Uint8Array(out.buffer);
    }
    case Op.STATFS:
      return new Uint8Array(80);
    case Op.READDIR:
      return node === ROOT
        ? entries(Number(body.getBigUint64(8, true)))
        : new Uint8Array();
    case Op.RELEASE:
    case Op.RELEASEDIR:
    case Op.FSYNC:
    case Op.FSYNCDIR:
    case Op.FLUSH:
    case Op.ACCESS:
      return new Uint8Array();
    case Op.FORGET:
    case Op.BATCH_FORGET:
    case Op.INTERRUPT:
      return undefined;
    default:
      return ENOSYS;
  }
}

function putAttributes(out: DataView, at: number, node: number): void {
  const isFile = node === FILE;
  out.setBigUint64(at, BigInt(node), true);
  out.setBigUint64(at + 8, BigInt(isFile ? SIZE : 4096), true);
  out.setBigUint64(at + 16, 8n, true);
  for (const time of [24, 32, 40]) out.setBigUint64(at + time, changes, true);
  out.setUint32(at + 60, isFile ? 0o100666 : 0o040755, true);
  out.setUint32(at + 64, isFile ? 1 : 2, true);
  out.setUint32(at + 80, 4096, true);
}

function entries(after: number): Uint8Array {
  const all = [...NAMES].slice(after).map(([name, node], i) => {
    const out = new DataView(new ArrayBuffer(32));
    out.setBigUint64(0, BigInt(node), true);
    out.setBigUint64(8, BigInt(after + i + 1), true);
    out.setUint32(16, name.length, true);
    out.setUint32(20, node === FILE ? 8 : 4, true);
    new TextEncoder().encodeInto(name, new Uint8Array(out.buffer, 24));
    return new Uint8Array(out.buffer);
  });
  return new Uint8Array(all.flatMap((bytes) => [...bytes]));
}

if (import.meta.main) {
  const fd = fs.openSync("/dev/fuse", "r+");
  const data = `fd=${fd},rootmode=40000,user_id=0,group_id=0,allow_other`;
  const mounted = mount(place, { source: "host", type: "fuse", data });
  console.log(mounted === undefined ? "refused" : "mounted");
  const buffer = new Uint8Array(256 * 1024);
  while (mounted !== undefined) {
    let length: number;
    try {
      length = fs.readSync(fd, buffer, 0, buffer.length, null);
    } catch {
      // Unmounted.
      break;
    }
    const header = new DataView(buffer.buffer, 0, length);
    const given = answer(header.getUint32(4, true), {
      node: Number(header.getBigUint64(16, true)),
      body: new DataView(buffer.buffer, IN_HEADER),
    });
    if (given === undefined) continue;
    const body = typeof given === "number" ? new Uint8Array() : given;
    const reply = new Uint8Array(OUT_HEADER + body.length);
    const out = new DataView(reply.buffer);
    out.setUint32(0, reply.length, true);
    out.setInt32(4, typeof given === "number" ? -given : 0, true);
    out.setBigUint64(8, header.getBigUint64(8, true), true);
    reply.set(body, OUT_HEADER);
    try {
      fs.writeSync(fd, reply);
    } catch {
      // The request was given up.
    }
  }
}

/**
 * What a walk over a large folder of the host costs: serves it with `local`, walks
 * all of it as a Linux client does that stats whatever it lists (READDIR with
 * filehandles and attributes), and prints the server's memory, also half a minute
 * after the last walk.
 *
 *     deno run -A tests/bench/walk.ts DIR [--walks 2]
 *     deno run -A tests/bench/walk.ts --files 1000000
 *
 * With `--files` it makes a folder of so many empty files for the time of the
 * walk, a thousand in each folder.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { Server } from "../interop/server.ts";
import {
  FileType,
  op,
  openSession,
  type Session,
} from "../support/client/mod.ts";
import { mebibytes } from "./measured_server.ts";

const A_FOLDER = 1000;
const REST_MS = 30_000;
const WANTED = [
  ...["type", "change", "size", "fsid", "fileid", "mode", "numlinks", "owner"],
  ...["owner_group", "space_used", "time_access", "time_metadata"],
  ...["time_modify", "filehandle", "mounted_on_fileid", "rdattr_error"],
] as const;

const { values, positionals } = parseArgs({
  options: {
    files: { type: "string" },
    walks: { type: "string", default: "2" },
  },
  allowPositionals: true,
});
const stop = new AbortController();
const work = await Deno.makeTempDir();
try {
  await main(positionals[0] ?? await fill(Number(values.files)));
} finally {
  stop.abort();
  await Deno.remove(work, { recursive: true });
}

async function main(folder: string): Promise<void> {
  const server = await Server.start({
    export: `/=local:${folder}`,
    flags: ["--log-level", "error", "--state", `${work}/state`],
    onLine: console.error,
    signal: stop.signal,
  });
  console.log(`at first: ${mebibytes(await resident(server.pid))}`);
  await using client = await openSession({ port: server.port });
  for (let nth = 1; nth <= Number(values.walks); nth++) {
    const started = performance.now();
    const entries = await walk(client);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const rss = mebibytes(await resident(server.pid));
    console.log(`walk ${nth}: ${entries} entries in ${seconds} s, ${rss}`);
  }
  const most = await status(server.pid, "VmHWM");
  console.log(`at most: ${mebibytes(most)}`);
  // V8 gives back what a walk has left in its heap once little is asked of it.
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
  console.log(`later: ${mebibytes(await resident(server.pid))}`);
  await server.stop();
}

/** Makes a folder of `count` empty files. */
async function fill(count: number): Promise<string> {
  if (!(count > 0)) throw new TypeError("give a folder, or --files N");
  const folder = `${work}/tree`;
  for (let made = 0; made < count; made++) {
    const at = `${folder}/${Math.floor(made / A_FOLDER)}`;
    if (made % A_FOLDER === 0) await Deno.mkdir(at, { recursive: true });
    Deno.createSync(`${at}/file-${made}`).close();
  }
  return folder;
}

/** Lists every folder, that of the root first; returns how many entries there were. */
async function walk(client: Session): Promise<number> {
  const root = await client.compound([op.putrootfh(), op.getfh()]);
  const folders = [root.get("GETFH").filehandle];
  let entries = 0;
  for (let folder = folders.pop(); folder; folder = folders.pop()) {
    let cookie = 0n;
    let verifier: Uint8Array | undefined;
    for (let isEnd = false; !isEnd;) {
      const attributes = [...WANTED];
      const page = (await client.compound([
        op.putfh(folder),
        op.readdir({ cookie, verifier, attributes, maxcount: 262_144 }),
      ])).get("READDIR");
      for (const entry of page.entries) {
        const { type, filehandle } = entry.attributes;
        if (type === FileType.DIR && filehandle) folders.push(filehandle);
        cookie = entry.cookie;
      }
      entries += page.entries.length;
      verifier = page.verifier;
      isEnd = page.eof;
    }
  }
  return entries;
}

function resident(pid: number): Promise<number> {
  return status(pid, "VmRSS");
}

/** A figure of /proc/PID/status, in bytes. */
async function status(pid: number, name: string): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(text.match(new RegExp(`${name}:\\s+(\\d+)`))?.[1]) * 1024;
}

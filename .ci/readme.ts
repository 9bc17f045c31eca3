/**
 * Does what README.md tells its reader to do first: its command starts a
 * server, which prints the mount command that the README shows, and SIGTERM
 * ends it with status 0.
 *
 * @module
 */

import { TextLineStream } from "../tests/interop/lines.ts";

const ROOT = new URL("../", import.meta.url);
const START_LIMIT_MS = 60_000;

const readme = await Deno.readTextFile(new URL("README.md", ROOT));
for (const command of ["deno run -A mod.ts", "deno test --allow-net"]) {
  if (!readme.split("\n").includes(command)) {
    throw new Error(`README.md lacks the line: ${command}`);
  }
}
const shown = /^(?:sudo )?(mount -t nfs4 .*)$/m.exec(readme)?.[1];
if (shown === undefined) throw new Error("README.md shows no mount command");

// In a folder of its own, because the server makes ./dittofs-data.
const dir = await Deno.makeTempDir();
const child = new Deno.Command(Deno.execPath(), {
  args: ["run", "-A", new URL("mod.ts", ROOT).pathname],
  cwd: dir,
  stdin: "null",
  stdout: "piped",
  stderr: "inherit",
}).spawn();
const timer = setTimeout(() => child.kill("SIGKILL"), START_LIMIT_MS);
let printed: string | undefined;
const lines = child.stdout.pipeThrough(new TextDecoderStream())
  .pipeThrough(new TextLineStream());
for await (const line of lines) {
  console.log(line);
  if (!line.includes("mount -t nfs4")) continue;
  printed = line.trim();
  child.kill("SIGTERM");
}
const { code, signal } = await child.status;
clearTimeout(timer);
await Deno.remove(dir, { recursive: true });

if (printed !== shown) {
  throw new Error(`README.md shows "${shown}", the server "${printed}"`);
}
if (code !== 0) throw new Error(`the server ended with ${signal ?? code}`);
console.log("ok");

/**
 * Runs the command line as another user: `as_user.ts UID ARGUMENT...`. Started
 * by root, who can read Deno's cache, and becomes that user once all is loaded.
 */
import { main } from "../../src/cli.ts";

const [uid, ...args] = Deno.args;
const libc = Deno.dlopen("libc.so.6", {
  setgroups: { parameters: ["usize", "buffer"], result: "i32" },
  setgid: { parameters: ["u32"], result: "i32" },
  setuid: { parameters: ["u32"], result: "i32" },
});
const { setgroups, setgid, setuid } = libc.symbols;
const failed = setgroups(0n, null) || setgid(Number(uid)) ||
  setuid(Number(uid));
libc.close();
if (failed) throw new Error(`can't become user ${uid}`);
Deno.exit(await main(args));

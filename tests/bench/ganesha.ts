/**
 * nfs-ganesha from Debian as the server to compare with: one export, in memory
 * or of a folder (its VFS back end), on loopback alone, its files in a temporary
 * folder.
 *
 * @module
 */

import { freePort } from "../interop/server.ts";

const START_LIMIT_MS = 15_000;

/** What it exports. */
export type Fsal = "MEM" | "VFS";

/** How one is started. */
export interface GaneshaOptions {
  /** Its back end. */
  readonly fsal: Fsal;
  /** Ends it. */
  readonly signal: AbortSignal;
}

function config(port: number, dir: string, fsal: Fsal): string {
  // Without UDP, NLM and RQUOTA it opens the one port and asks no rpcbind.
  return `
NFS_CORE_PARAM {
  NFS_Port = ${port};
  NFS_Protocols = 4;
  Bind_addr = 127.0.0.1;
  Enable_NLM = false;
  Enable_RQUOTA = false;
  Enable_UDP = false;
}
NFSV4 {
  Minor_Versions = 1, 2;
  Graceless = true;
  Lease_Lifetime = 60;
  Only_Numeric_Owners = true;
  RecoveryRoot = "${dir}/recovery";
}
EXPORT {
  Export_Id = 1;
  Path = "${fsal === "MEM" ? "/mem" : `${dir}/data`}";
  Pseudo = "/data";
  Access_Type = RW;
  Squash = No_Root_Squash;
  SecType = sys;
  Protocols = 4;
  Transports = TCP;
  FSAL { Name = ${fsal}; }
}
${fsal === "MEM" ? "MEM { Inode_Size = 1114112; }" : ""}
LOG { Default_Log_Level = EVENT; }
`;
}

/** A running nfs-ganesha. */
export class Ganesha implements AsyncDisposable {
  /** What a file may hold at most, in bytes: beyond it MEM forgets. */
  static readonly maxMemFile = 1 << 20;
  /** Path of its export. */
  static readonly export = "/data";
  /** Its TCP port on 127.0.0.1. */
  readonly port: number;
  #child: Deno.ChildProcess;
  #dir: string;

  private constructor(port: number, child: Deno.ChildProcess, dir: string) {
    this.port = port;
    this.#child = child;
    this.#dir = dir;
  }

  /** Its process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Starts one on a free port and waits until it listens. */
  static async start({ fsal, signal }: GaneshaOptions): Promise<Ganesha> {
    const dir = await Deno.makeTempDir({ prefix: "ganesha-" });
    const port = freePort();
    await Deno.mkdir(`${dir}/recovery`);
    await Deno.mkdir(`${dir}/data`);
    await Deno.writeTextFile(`${dir}/ganesha.conf`, config(port, dir, fsal));
    let child: Deno.ChildProcess;
    try {
      child = new Deno.Command("ganesha.nfsd", {
        args: ["-F", "-f", `${dir}/ganesha.conf`, "-L", `${dir}/log`]
          .concat(["-p", `${dir}/pid`]),
        stdin: "null",
        stdout: "null",
        stderr: "null",
        signal,
      }).spawn();
    } catch (error) {
      await Deno.remove(dir, { recursive: true });
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new Error(
        "no ganesha.nfsd (Debian: nfs-ganesha nfs-ganesha-mem nfs-ganesha-vfs)",
      );
    }
    const ganesha = new Ganesha(port, child, dir);
    const end = Date.now() + START_LIMIT_MS;
    while (!await listens(port)) {
      if (Date.now() > end) {
        const log = await Deno.readTextFile(`${dir}/log`).catch(() => "");
        await ganesha[Symbol.asyncDispose]();
        throw new Error(`nfs-ganesha does not listen:\n${log.slice(-1000)}`);
      }
      await new Promise((done) => setTimeout(done, 100));
    }
    return ganesha;
  }

  /** Stops it and removes its files. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    await this.#child.status;
    await Deno.remove(this.#dir, { recursive: true });
  }
}

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

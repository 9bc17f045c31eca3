/**
 * Compiles and runs the load generator in `nfsload/`.
 *
 * @module
 */

/** What one run does. */
export interface Load {
  /** The server's port on 127.0.0.1. */
  port: number;
  /** Path of the export. */
  export: string;
  /** Kind of work, as `nfsload.c` names it. */
  op: string;
  /** Bytes of a READ or WRITE. */
  size: number;
  /** Connections. */
  conns: number;
  /** Slots of each connection's session. */
  slots: number;
  /** Seconds that are counted. */
  seconds: number;
  /** Bytes of each file. */
  fileSize: number;
  /** Entries of a folder that is listed. */
  files: number;
}

/** What one run measured. */
export interface Result {
  /** Finished operations; of some kinds they are several COMPOUNDs. */
  ops: number;
  /** Finished operations a second. */
  ops_per_s: number;
  /** MiB read or written a second. */
  mib_per_s: number;
  /** Median latency in µs. */
  p50_us: number;
  /** 99th percentile of the latency in µs. */
  p99_us: number;
}

/** Compiles the load generator into `dir`; returns the program's path. */
export async function compile(dir: string): Promise<string> {
  const source = new URL("./nfsload/nfsload.c", import.meta.url).pathname;
  const program = `${dir}/nfsload`;
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command("cc", {
      args: ["-O2", "-o", program, source],
    }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error("no C compiler, `cc` (Debian: gcc libc6-dev)");
  }
  if (!output.success) {
    throw new Error(new TextDecoder().decode(output.stderr));
  }
  return program;
}

/** Runs the load; a wrong or missing reply is an error. */
export async function runLoad(program: string, load: Load): Promise<Result> {
  const output = await new Deno.Command(program, {
    args: ["--port", `${load.port}`, "--export", load.export]
      .concat(["--op", load.op, "--size", `${load.size}`])
      .concat(["--conns", `${load.conns}`, "--slots", `${load.slots}`])
      .concat(["--seconds", `${load.seconds}`, "--warm", "0.3"])
      .concat(["--file-size", `${load.fileSize}`])
      .concat(["--files", `${load.files}`]),
  }).output();
  if (!output.success) {
    throw new Error(new TextDecoder().decode(output.stderr).trim());
  }
  return JSON.parse(new TextDecoder().decode(output.stdout));
}

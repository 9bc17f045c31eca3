/**
 * Compiles and runs the programs in `nfsload/`.
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
  /** The server's process, whose CPU is told. */
  pid: number;
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
  /** CPU of all the server's threads for an operation, in µs. */
  cpu_us: number;
}

/** The programs of `nfsload/`: NFS load, what else is measured, and the same load without NFS. */
export type Program = "nfsload" | "probe" | "bare";

/** Compiles a program of `nfsload/` into `dir`; returns its path. */
export async function compile(dir: string, name: Program): Promise<string> {
  const source = new URL(`./nfsload/${name}.c`, import.meta.url).pathname;
  const program = `${dir}/${name}`;
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
export function runLoad(program: string, load: Load): Promise<Result> {
  const { fileSize, ...rest } = load;
  return run(program, { ...rest, warm: 0.3, "file-size": fileSize });
}

/** Runs a program with its options; returns what it measured. */
export async function run<T>(
  program: string,
  options: Record<string, string | number>,
): Promise<T> {
  const args = Object.entries(options).flatMap(([name, value]) => [
    `--${name}`,
    `${value}`,
  ]);
  const output = await new Deno.Command(program, { args }).output();
  if (!output.success) {
    throw new Error(new TextDecoder().decode(output.stderr).trim());
  }
  return JSON.parse(new TextDecoder().decode(output.stdout));
}

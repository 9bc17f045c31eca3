import { printable } from "../base/printable.ts";

const encoder = new TextEncoder();

/** Writes to standard output. */
export function print(text: string): void {
  writeAll(Deno.stdout, text);
}

/** Writes a line to standard output that may have text of clients in it. */
export function printLine(line: string): void {
  print(`${printable(line)}\n`);
}

/** Writes a line of this program to standard error; it may have text of clients in it. */
export function complain(line: string): void {
  try {
    writeAll(Deno.stderr, `dittofs-nfs4: ${printable(line)}\n`);
  } catch {
    // It has no reader, or lines of the log are still on their way there.
  }
}

function writeAll(
  stream: { writeSync(bytes: Uint8Array): number },
  text: string,
): void {
  let rest = encoder.encode(text);
  // A pipe may take less than it is given.
  while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
}

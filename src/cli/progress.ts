import { systemClock } from "../base/clock.ts";

const encoder = new TextEncoder();
const BAR = 24;
const EVERY_MS = 100;

/** How far something has come. */
export interface Progress {
  /** Files that are done. */
  readonly files: number;
  /** Bytes of their contents. */
  readonly bytes: number;
  /** 0 to 1, where it is known. */
  readonly part?: number | undefined;
}

/**
 * A line that moves on a terminal. Where standard error is no terminal there is
 * none.
 */
export class ProgressLine implements Disposable {
  readonly #name: string;
  readonly #isShown = Deno.stderr.isTerminal();
  #last: Progress | undefined;
  #shownAt = -Infinity;

  /** `name`: what is going on. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Shows it, ten times a second at most. */
  show(progress: Progress): void {
    if (!this.#isShown) return;
    this.#last = progress;
    const now = systemClock.now();
    if (now - this.#shownAt < EVERY_MS) return;
    this.#shownAt = now;
    this.#write("\r");
  }

  /** Shows the last one, and ends the line. */
  [Symbol.dispose](): void {
    if (this.#last !== undefined) this.#write("\r", "\n");
  }

  #write(before: string, after = ""): void {
    const line = `${this.#name} ${describe(this.#last!)}`;
    // ESC [ K clears what a longer line has left.
    const bytes = encoder.encode(`${before}${line}\x1b[K${after}`);
    try {
      Deno.stderr.writeSync(bytes);
    } catch {
      // The terminal is gone, and what is going on has no need of it.
    }
  }
}

/** As in "[######------------------]  25 %, 1,234 files, 5.6 MiB". */
export function describe({ files, bytes, part }: Progress): string {
  const done = `${files.toLocaleString("en")} files, ${sizeOf(bytes)}`;
  if (part === undefined) return done;
  const filled = Math.floor(Math.min(part, 1) * BAR);
  const percent = Math.floor(Math.min(part, 1) * 100);
  const bar = "#".repeat(filled).padEnd(BAR, "-");
  return `[${bar}] ${String(percent).padStart(3)} %, ${done}`;
}

/** As in "5.6 MiB". */
export function sizeOf(bytes: number): string {
  const units = ["KiB", "MiB", "GiB", "TiB", "PiB"];
  if (bytes < 1024) return `${bytes} bytes`;
  let value = bytes / 1024;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${value.toFixed(1)} ${units[unit]}`;
}

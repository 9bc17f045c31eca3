import { type Clock, systemClock } from "./clock.ts";
import { sleep } from "./timers.ts";

/** Bytes of lines that may wait for their reader. */
const MAX_BYTES = 1024 * 1024;
/** Bytes of one write: a slow reader is given room again after as many. */
const CHUNK_BYTES = 64 * 1024;
/** Milliseconds before a stream is asked again that takes nothing at the moment. */
const RETRY_MS = 20;

/** Where lines go: `Deno.stderr`, or a test's. */
export interface LineSink {
  /** Takes some of `bytes`, at some time; returns how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Options of {@linkcode LineQueue}. */
export interface LineQueueOptions {
  /** Bytes of lines that may wait; 1 MiB if left out. */
  readonly maxBytes?: number;
  /** What waits for the stream go by; the machine's if left out. */
  readonly clock?: Clock;
  /** The line that stands for `count` lines that were left out. */
  readonly leftOut: (count: number) => string;
}

/**
 * Lines on their way to a stream whose reader may be slow, or stopped: the
 * writer of one never waits. Beyond the bound lines are left out and counted,
 * and a line at their place says how many once the reader is back.
 */
export class LineQueue {
  readonly #sink: LineSink;
  readonly #options: LineQueueOptions;
  readonly #maxBytes: number;
  readonly #clock: Clock;
  #lines: Uint8Array[] = [];
  /** Bytes that the sink has not taken. */
  #bytes = 0;
  /** Left out since the line that said so last. */
  #leftOut = 0;
  #dropped = 0;
  #writing: Promise<void> | undefined;

  /** An empty queue in front of `sink`. */
  constructor(sink: LineSink, options: LineQueueOptions) {
    this.#sink = sink;
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
    this.#clock = options.clock ?? systemClock;
  }

  /** Lines that were left out since the beginning. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a line, without its newline; never waits, never throws. */
  write(line: string): void {
    const bytes = encoder.encode(line + "\n");
    if (this.#bytes + bytes.length > this.#maxBytes) {
      this.#leftOut++;
      this.#dropped++;
      return;
    }
    this.#sayLeftOut();
    this.#push(bytes);
    this.#writing ??= this.#write();
  }

  /** Resolves when all lines are written, or after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    const ending = new AbortController();
    const deadline = sleep(this.#clock, timeoutMs, ending.signal);
    await Promise.race([this.#writing, deadline]);
    ending.abort();
  }

  #push(bytes: Uint8Array): void {
    this.#lines.push(bytes);
    this.#bytes += bytes.length;
  }

  /** Beyond the bound by one short line, at most. */
  #sayLeftOut(): void {
    if (this.#leftOut === 0) return;
    const line = this.#options.leftOut(this.#leftOut);
    this.#leftOut = 0;
    this.#push(encoder.encode(line + "\n"));
  }

  /** Writes until nothing is left; never rejects. */
  async #write(): Promise<void> {
    while (this.#lines.length > 0) {
      const { bytes, count } = this.#chunk();
      let rest = bytes;
      while (rest.length > 0) {
        try {
          const taken = await this.#sink.write(rest);
          rest = rest.subarray(taken);
          this.#bytes -= taken;
        } catch (error) {
          if (error instanceof Deno.errors.WouldBlock) {
            await sleep(this.#clock, RETRY_MS);
          } else {
            // The reader is gone; serving files goes on without it.
            this.#dropped += count;
            this.#bytes -= rest.length;
            break;
          }
        }
      }
      this.#sayLeftOut();
    }
    this.#writing = undefined;
  }

  /** The next lines as one piece. */
  #chunk(): { readonly bytes: Uint8Array; readonly count: number } {
    let size = 0;
    let count = 0;
    for (const { length } of this.#lines) {
      if (count > 0 && size + length > CHUNK_BYTES) break;
      size += length;
      count++;
    }
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const line of this.#lines.splice(0, count)) {
      bytes.set(line, at);
      at += line.length;
    }
    return { bytes, count };
  }
}

const encoder = new TextEncoder();

import type { CompoundContext } from "./context.ts";

/** Bytes that are written before the answer: a client asks for the rest. */
export const MOST_AT_ONCE = 4 * 1024 * 1024;
/** Milliseconds that it may take. */
export const LONGEST_AT_ONCE = 1_000;

/**
 * What the operations of one COMPOUND together write that came in no request: COPY
 * and WRITE_SAME, of which a short request may ask for hundreds of MiB. Begins with
 * the first of them.
 */
export class BulkWork {
  readonly #asker: Pick<CompoundContext, "connection" | "services">;
  readonly #began: number;
  /** Bytes that were written. */
  written = 0;

  constructor(asker: Pick<CompoundContext, "connection" | "services">) {
    this.#asker = asker;
    this.#began = asker.services.clock.now();
  }

  /** Whether that is enough, or its client has gone. */
  get isOver(): boolean {
    const { connection, services: { clock } } = this.#asker;
    return this.written >= MOST_AT_ONCE ||
      clock.now() - this.#began >= LONGEST_AT_ONCE ||
      connection.closeReason !== undefined;
  }
}

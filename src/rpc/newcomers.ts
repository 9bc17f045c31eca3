import type { Introduce, Introduction } from "./introduction.ts";
import { EarlyRead } from "./early_read.ts";
import type { Connected } from "./transport.ts";

/** Options of {@linkcode Newcomers}. */
export interface NewcomersOptions {
  readonly introduce: Introduce;
  /** Takes one that is introduced. */
  readonly admit: (connected: Connected, introduction: Introduction) => void;
  /** One could not be introduced, or its peer was gone before; its transport is closed. */
  readonly failed: (connected: Connected, error: unknown) => void;
}

/** Newcomers at once; further ones wait in the host's line. */
const MOST = 256;
const NOTHING = new Uint8Array(0);

/**
 * Connections of which it is found out whose they are. They count nowhere, and of
 * what comes on them nothing is looked at; but a peer who is gone again, as all
 * are of who connects and closes without an end, makes room at once.
 */
export class Newcomers {
  readonly #options: NewcomersOptions;
  readonly #waiting = new Map<Connected, Promise<void>>();

  constructor(options: NewcomersOptions) {
    this.#options = options;
  }

  /** Takes one; what is returned, if anything, resolves when there is room for the next. */
  add(connected: Connected): Promise<void> | undefined {
    this.#waiting.set(connected, this.#introduce(connected));
    if (this.#waiting.size < MOST) return undefined;
    return Promise.race(this.#waiting.values());
  }

  /** Closes them; resolves when nothing more is being found out. */
  async end(): Promise<void> {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [{ transport }] of waiting) transport.close();
    await Promise.all(waiting.map(([, ended]) => ended));
  }

  /** Never rejects. */
  async #introduce(connected: Connected): Promise<void> {
    const { introduce, admit, failed } = this.#options;
    const { peer, local } = connected;
    const transport = new EarlyRead(connected.transport);
    try {
      const introducing = introduce({
        peer,
        local,
        isGone: () => transport.isGone,
      });
      // What comes early only ends the wait where it is the end.
      const introduction = await Promise.race([
        introducing,
        transport.heard.then(() => introducing),
      ]);
      // Fails where the peer has reset it: what it sent before is still there to
      // be read, but its address may by now be that of another user's socket,
      // which was found in its place.
      await transport.write(NOTHING);
      if (this.#waiting.delete(connected)) {
        admit({ transport, peer, local }, introduction);
      }
    } catch (error) {
      if (!this.#waiting.delete(connected)) return;
      try {
        transport.close();
      } catch {
        // The runtime closed it after a failure.
      }
      failed(connected, error);
    }
  }
}

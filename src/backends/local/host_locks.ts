import type { Awaitable } from "../../base/awaitable.ts";
import { after } from "../../base/ongoing_call.ts";
import type { LocalNode } from "./node.ts";

/** What the host locks: a file, a folder, or of a whole tree what moves from one folder to another. */
export type Lockable = LocalNode | { readonly root: LocalNode };

/**
 * What the host has locked for a call that another thread of ours is at. A call that
 * takes this lock as well would keep the event loop, and with it all clients, so
 * what changes or reads a file, or looks into a folder, waits for it here.
 */
export class HostLocks {
  readonly #held = new Map<Lockable, Promise<void>>();

  /** Resolves when the call that has one of these locked has ended, however; `undefined` where none has. */
  of(...locked: readonly Lockable[]): Promise<void> | undefined {
    if (this.#held.size === 0) return undefined;
    const one = locked.find((lockable) => this.#held.has(lockable));
    return one && this.#held.get(one);
  }

  /** Runs `act` when none of these is locked. */
  after<T>(locked: readonly Lockable[], act: () => Awaitable<T>): Awaitable<T> {
    const earlier = this.of(...locked);
    return earlier === undefined
      ? act()
      : after(earlier, () => this.after(locked, act));
  }

  /** A call has begun that has these locked until `work` has ended, however. */
  begun(locked: readonly Lockable[], work: Promise<unknown>): void {
    for (const lockable of locked) {
      const all = Promise.allSettled([this.of(lockable), work]).then(() => {
        if (this.of(lockable) === all) this.#held.delete(lockable);
      });
      this.#held.set(lockable, all);
    }
  }

  /** Resolves when nothing is locked. */
  async ended(): Promise<void> {
    while (this.#held.size > 0) await Promise.all(this.#held.values());
  }
}

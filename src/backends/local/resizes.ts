import type { Awaitable } from "../../base/awaitable.ts";
import { after } from "../../base/ongoing_call.ts";
import type { SharedPlaces } from "../../base/shared_places.ts";
import { hostThreads } from "../common/host_threads.ts";
import { isFarFrom } from "../common/long_calls.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Host, HostStat } from "./host.ts";
import type { LocalNode } from "./node.ts";

/**
 * The threads by which an open file is brought to `size`; `undefined` where that
 * takes next to nothing. It may take long if only since the host has it wait: for
 * other threads that read, or for what it keeps of the last block.
 */
export function threadsToResize(
  host: Host,
  { descriptor, stat }: {
    readonly descriptor: Descriptor;
    readonly stat: HostStat;
  },
  size: number,
): SharedPlaces | undefined {
  const { fd, isTransferring } = descriptor;
  if (isFarFrom(stat, size)) return hostThreads.long;
  const isHeldUp = isTransferring ||
    size < stat.size && host.isReadFirst(fd, size, size);
  return isHeldUp ? hostThreads.short : undefined;
}

/**
 * Changes of sizes that another thread is at. The host locks the file for as
 * long: a call that takes this lock as well would keep the event loop, and with
 * it all clients, so what changes or reads the file waits for it here.
 */
export class Resizes {
  readonly #underWay = new Map<LocalNode, Promise<void>>();

  /** Resolves when the one of this file has ended, however; `undefined` where there is none. */
  of(node: LocalNode): Promise<void> | undefined {
    return this.#underWay.get(node);
  }

  /** Runs `act` when none of this file is under way. */
  after<T>(node: LocalNode, act: () => Awaitable<T>): Awaitable<T> {
    const earlier = this.of(node);
    return earlier === undefined
      ? act()
      : after(earlier, () => this.after(node, act));
  }

  /** A change of a file has begun, and is under way until `work` has ended, however. */
  begun(node: LocalNode, work: Promise<void>): void {
    const all = Promise.allSettled([this.of(node), work]).then(() => {
      if (this.of(node) === all) this.#underWay.delete(node);
    });
    this.#underWay.set(node, all);
  }

  /** Resolves when none is under way. */
  async ended(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values());
  }
}

import { type Clock, systemClock } from "../../base/clock.ts";
import type { HostCalls } from "../common/host_calls.ts";

const POLLIN = 1;
/** Of eventfd. */
const NONBLOCK_CLOEXEC = 0o2004000;
/** Bytes of a `struct pollfd`. */
const POLLFD_BYTES = 8;
/** Where what has come is in it. */
const REVENTS = 6;
/** What a write to an eventfd adds: 1 in 64 bits. */
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);

/** A descriptor that is waited for. */
interface Waiting {
  readonly libc: HostCalls["libc"];
  readonly resolve: () => void;
  /** Milliseconds of the clock. */
  readonly until: number;
}

/**
 * Waits for descriptors of which there may be one for each folder that is served,
 * by one thread for all: Deno has few, and as many folders would have all of them.
 */
export class SharedPoll {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  readonly #counter = new Uint8Array(8);
  /** An eventfd, by which a wait is broken off when there is more to wait for. */
  #waker = -1;
  #isUnderWay = false;

  /** The host goes by the machine's clock as well. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /**
   * Resolves when there is something to read from `fd`, or after so many
   * milliseconds. `libc` stays open until then.
   */
  readable(
    libc: HostCalls["libc"],
    fd: number,
    milliseconds: number,
  ): Promise<void> {
    return new Promise((resolve) => {
      const until = this.#clock.now() + milliseconds;
      this.#waiting.set(fd, { libc, resolve, until });
      if (this.#isUnderWay) libc.write(this.#waker, ONE, 8n);
      else this.#goOn();
    });
  }

  /** Never rejects. */
  async #goOn(): Promise<void> {
    this.#isUnderWay = true;
    while (this.#waiting.size > 0) await this.#wait();
    this.#isUnderWay = false;
  }

  async #wait(): Promise<void> {
    // Of one that waits until this has ended: it is not closed meanwhile.
    const { libc } = this.#waiting.values().next().value!;
    // Without a number the host passes it by, and a newcomer waits for the others.
    if (this.#waker < 0) this.#waker = libc.eventfd(0, NONBLOCK_CLOEXEC);
    const fds = [...this.#waiting.keys(), this.#waker];
    const list = new DataView(new ArrayBuffer(fds.length * POLLFD_BYTES));
    for (const [i, fd] of fds.entries()) {
      list.setInt32(i * POLLFD_BYTES, fd, true);
      list.setInt16(i * POLLFD_BYTES + 4, POLLIN, true);
    }
    const ends = [...this.#waiting.values()].map(({ until }) => until);
    const left = Math.max(0, Math.ceil(Math.min(...ends) - this.#clock.now()));
    const bytes = new Uint8Array(list.buffer);
    await libc.poll(bytes, BigInt(fds.length), left);
    libc.read(this.#waker, this.#counter, 8n);
    const now = this.#clock.now();
    const over = fds.filter((fd, i) => {
      const until = this.#waiting.get(fd)?.until ?? Infinity;
      return now >= until ||
        list.getInt16(i * POLLFD_BYTES + REVENTS, true) !== 0;
    });
    const resolves = over.map((fd) => this.#waiting.get(fd)?.resolve);
    for (const fd of over) this.#waiting.delete(fd);
    if (this.#waiting.size === 0) {
      // The thread that this is for may be about to end.
      libc.close(this.#waker);
      this.#waker = -1;
    }
    for (const resolve of resolves) resolve?.();
  }
}

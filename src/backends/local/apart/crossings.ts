import type { Clock } from "../../../base/clock.ts";
import { goingOn, ongoingCall } from "../../../base/ongoing_call.ts";
import { SharedPlaces } from "../../../base/shared_places.ts";

/** Bytes of content that cross in less time than a call takes by itself, about. */
export const MUCH = 64 * 1024;
/**
 * Calls with more that cross at once: on their way, and in turns that write
 * replies, they are what all other calls wait behind.
 */
const TRANSFERS = 4;
/** Milliseconds after which one waits for the host, and not for its way: others may cross meanwhile. */
const CROSSING = 10;

/** Calls with content: of those with much of it few cross at once. */
export class Crossings {
  readonly #clock: Clock;
  readonly #places = new SharedPlaces(TRANSFERS, {
    party: 1 / 2,
    connection: 1 / 2,
  });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A call that content crosses with: much of it when there is a place for that. */
  run<T>(bytes: number, call: () => Promise<T>): Promise<T> {
    if (bytes <= MUCH) return call();
    const cross = goingOn((leave: () => void) => this.#cross(call, leave));
    return this.#places.run(cross, ongoingCall());
  }

  /** It has its place for as long as it takes to cross. */
  async #cross<T>(call: () => Promise<T>, leave: () => void): Promise<T> {
    const cancel = this.#clock.schedule(leave, CROSSING);
    try {
      return await call();
    } finally {
      cancel();
    }
  }
}

import type { Clock } from "../../base/clock.ts";

/**
 * A time in which no client can tell whether the host was asked at its begin or at
 * its end: it lasts as long as requests are worked on that had all been received
 * before, without a look for further ones, and nothing is changed by us. What
 * the host has told in it need not be asked again.
 */
export class Moment {
  readonly #clock: Clock;
  #number = 0;
  #isOn = false;
  #time = 0;
  #timedIn = -1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The number of the moment that is now: each has another one. */
  get now(): number {
    if (!this.#isOn) {
      this.#isOn = true;
      // Input that comes later is worked on after this.
      queueMicrotask(this.#pass);
    }
    return this.#number;
  }

  /** What the clock says in it, in milliseconds: asking costs as much as a call of the host. */
  get time(): number {
    const { now } = this;
    if (this.#timedIn !== now) {
      this.#timedIn = now;
      this.#time = this.#clock.now();
    }
    return this.#time;
  }

  /** We have changed something, or may have. */
  end(): void {
    this.#number++;
  }

  /** Ends it with what is about to change something, also where that fails. */
  ending(): Disposable {
    return this.#ending;
  }

  readonly #ending: Disposable = { [Symbol.dispose]: () => this.end() };

  readonly #pass = (): void => {
    this.#isOn = false;
    this.#number++;
  };
}

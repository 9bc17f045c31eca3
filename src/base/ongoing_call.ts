import type { Awaitable } from "./awaitable.ts";

/**
 * A call that an operation waits for, and may give up: what stands in a line for
 * it then leaves it, and does nothing later that none waits for any more.
 */
export class OngoingCall {
  #heard: Set<() => void> | undefined;

  /** Has `hear` called when the call is given up, until what is returned is called. */
  whenGivenUp(hear: () => void): () => void {
    const heard = this.#heard ??= new Set();
    heard.add(hear);
    return () => void heard.delete(hear);
  }

  /** The operation goes on without it. */
  giveUp(): void {
    const heard = this.#heard;
    this.#heard = undefined;
    for (const hear of heard ?? []) hear();
  }
}

/** Why what stood in a line is not done. */
export class GivenUp extends Error {
  override readonly name = "GivenUp";
}

let isCalling = false;
let current: OngoingCall | undefined;

/**
 * Makes a call: what it begins before it returns can ask for {@linkcode ongoingCall}.
 * A promise that it returns is handed to `wait` with that.
 */
export function calling<T>(
  call: () => Awaitable<T>,
  wait: (work: Promise<T>, ongoing: OngoingCall | undefined) => Promise<T>,
): Awaitable<T> {
  const outer = { isCalling, current };
  isCalling = true;
  current = undefined;
  let outcome: Awaitable<T>;
  let ongoing: OngoingCall | undefined;
  try {
    outcome = call();
  } finally {
    ongoing = current;
    ({ isCalling, current } = outer);
  }
  return outcome instanceof Promise ? wait(outcome, ongoing) : outcome;
}

/** The call that is being made in this very turn; `undefined` of what goes on later. */
export function ongoingCall(): OngoingCall | undefined {
  return isCalling ? current ??= new OngoingCall() : undefined;
}

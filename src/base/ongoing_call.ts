import type { Awaitable } from "./awaitable.ts";

/**
 * A call that an operation waits for, and may give up: what stands in a line for
 * it then leaves it, and does nothing later that none waits for any more.
 */
export class OngoingCall {
  #heard: Set<() => void> | undefined;
  #isGivenUp = false;

  /** Has `hear` called when the call is given up, until what is returned is called. */
  whenGivenUp(hear: () => void): () => void {
    const heard = this.#heard ??= new Set();
    heard.add(hear);
    return () => void heard.delete(hear);
  }

  /** The operation goes on without it. */
  giveUp(): void {
    this.#isGivenUp = true;
    const heard = this.#heard;
    this.#heard = undefined;
    for (const hear of heard ?? []) hear();
  }

  /** Throws {@linkcode GivenUp} where it was given up: nothing more is to be begun. */
  assertGoesOn(): void {
    if (this.#isGivenUp) throw new GivenUp();
  }
}

/** Why what stood in a line, or waited for something else, is not done. */
export class GivenUp extends Error {
  override readonly name = "GivenUp";
}

/** What is being made, with the call where one was asked for. */
interface Scope {
  call: OngoingCall | undefined;
}

let current: Scope | undefined;

function within<T>(scope: Scope, act: () => T): T {
  const outer = current;
  current = scope;
  try {
    return act();
  } finally {
    current = outer;
  }
}

/**
 * Makes a call: what it begins before it returns can ask for {@linkcode ongoingCall}.
 * A promise that it returns is handed to `wait` with that.
 */
export function calling<T>(
  call: () => Awaitable<T>,
  wait: (work: Promise<T>, ongoing: OngoingCall | undefined) => Promise<T>,
): Awaitable<T> {
  const scope: Scope = { call: undefined };
  const outcome = within(scope, call);
  return outcome instanceof Promise ? wait(outcome, scope.call) : outcome;
}

/**
 * Makes `act`, which has to wait for something first, part of the call that is
 * being made, as what is begun at once is. Where that was given up by then, it
 * throws {@linkcode GivenUp} and does nothing.
 */
export function goingOn<A extends unknown[], T>(
  act: (...given: A) => T,
): (...given: A) => T {
  const call = ongoingCall();
  if (call === undefined) return act;
  return (...given) => {
    call.assertGoesOn();
    return within({ call }, () => act(...given));
  };
}

/** Does `act` when `earlier` has ended, {@linkcode goingOn}; at once where there is nothing to wait for. */
export function after<T>(
  earlier: Promise<unknown> | undefined,
  act: () => Awaitable<T>,
): Awaitable<T> {
  return earlier === undefined ? act() : earlier.then(goingOn(act));
}

/**
 * The call that is being made in this very turn; `undefined` of what goes on later,
 * unless that is {@linkcode goingOn}.
 */
export function ongoingCall(): OngoingCall | undefined {
  return current && (current.call ??= new OngoingCall());
}

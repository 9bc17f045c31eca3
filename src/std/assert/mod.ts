/**
 * What this project needs of `@std/assert`, with its signatures, on
 * `node:assert/strict`.
 *
 * @module
 */

import node from "node:assert/strict";
import { inspect } from "node:util";

/** Thrown by every assertion that does not hold. */
export class AssertionError extends Error {
  /** An error with `message`; `options.cause` is the failure below it. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

// deno-lint-ignore no-explicit-any -- the original's own type
type AnyConstructor = abstract new (...args: any[]) => unknown;
// deno-lint-ignore no-explicit-any -- the original's own type
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;
type Falsy = false | 0 | 0n | "" | null | undefined;

function refuse(what: string, msg?: string): never {
  throw new AssertionError(msg === undefined ? what : `${what}: ${msg}`);
}

/** Runs a `node:assert` check; its failure becomes an {@link AssertionError}. */
function through(check: () => void, msg?: string): void {
  try {
    check();
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new AssertionError(
      msg === undefined ? detail : `${detail}: ${msg}`,
      { cause },
    );
  }
}

/** `expr` must be truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** `expr` must be falsy. */
export function assertFalse(expr: unknown, msg = ""): asserts expr is Falsy {
  if (expr) throw new AssertionError(msg);
}

/** Both must be equal in depth. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  through(() => node.deepStrictEqual(actual, expected), msg);
}

/** Both must differ somewhere in depth. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  through(() => node.notDeepStrictEqual(actual, expected), msg);
}

/** Both must be the same value (`Object.is`). */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  through(() => node.strictEqual(actual, expected), msg);
}

/** The values must not be the same (`Object.is`). */
export function assertNotStrictEquals<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  through(() => node.notStrictEqual(actual, expected), msg);
}

/** `actual` must be neither `null` nor `undefined`. */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    refuse(`expected a value, got ${actual}`, msg);
  }
}

/** `actual` must be an instance of `expectedType`. */
export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (!(actual instanceof expectedType)) {
    refuse(
      `expected an instance of ${expectedType.name}, got ${inspect(actual)}`,
      msg || undefined,
    );
  }
}

/** `actual` must match `expected`. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (!expected.test(actual)) {
    refuse(`expected ${inspect(actual)} to match ${expected}`, msg);
  }
}

/** `actual` must not match `expected`. */
export function assertNotMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (expected.test(actual)) {
    refuse(`expected ${inspect(actual)} not to match ${expected}`, msg);
  }
}

/** `actual` must contain `expected`. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (!actual.includes(expected)) {
    refuse(`expected ${inspect(actual)} to contain ${inspect(expected)}`, msg);
  }
}

/** `actual` must contain each value of `expected`, compared in depth. */
export function assertArrayIncludes<T>(
  actual: ArrayLike<T>,
  expected: ArrayLike<T>,
  msg?: string,
): void {
  const have = Array.from(actual);
  const missing = Array.from(expected).filter((wanted) =>
    !have.some((value) => matches(value, wanted))
  );
  if (missing.length > 0) {
    refuse(`${inspect(have)} lacks ${inspect(missing)}`, msg);
  }
}

function matches(actual: unknown, expected: unknown): boolean {
  try {
    node.deepStrictEqual(actual, expected);
    return true;
  } catch {
    return false;
  }
}

/** `actual` must equal `expected` within `tolerance` (default 1e-7 of it). */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  if (Object.is(actual, expected)) return;
  const bound = tolerance ?? Math.abs(expected) * 1e-7;
  if (!(Math.abs(expected - actual) <= bound)) {
    refuse(`expected ${actual} to be ${expected} within ${bound}`, msg);
  }
}

/** `actual` must be greater than `expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) refuse(`expected ${actual} > ${expected}`, msg);
}

/** `actual` must be at least `expected`. */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (!(actual >= expected)) refuse(`expected ${actual} >= ${expected}`, msg);
}

/** `actual` must be less than `expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) refuse(`expected ${actual} < ${expected}`, msg);
}

/** `actual` must be at most `expected`. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (!(actual <= expected)) refuse(`expected ${actual} <= ${expected}`, msg);
}

/** Every property of `expected` must be in `actual`, with an equal value. */
export function assertObjectMatch(
  actual: Record<PropertyKey, unknown>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  through(
    () => node.deepStrictEqual(partOf(actual, expected), expected),
    msg,
  );
}

/** `actual` cut down to the keys of `expected`, in depth. */
function partOf(actual: unknown, expected: unknown): unknown {
  if (!isRecord(actual) || !isRecord(expected)) return actual;
  const part: Record<PropertyKey, unknown> = {};
  for (const key of Reflect.ownKeys(expected)) {
    if (key in actual) part[key] = partOf(actual[key], expected[key]);
  }
  return part;
}

function isRecord(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

/** Fails. */
export function fail(msg?: string): never {
  refuse("failed", msg);
}

/** Fails: this place must not be reached. */
export function unreachable(reason?: string): never {
  refuse("unreachable", reason);
}

/** `error` must be an `ErrorClass` whose message contains `msgIncludes`. */
function checkError<E extends Error>(
  error: unknown,
  wanted: {
    errorClass: ErrorClass<E> | undefined;
    msgIncludes: string | undefined;
    msg: string | undefined;
  },
): E {
  const { errorClass, msgIncludes, msg } = wanted;
  if (!(error instanceof (errorClass ?? Error))) {
    const name = errorClass?.name ?? "Error";
    refuse(`expected ${name} to be thrown, got ${inspect(error)}`, msg);
  }
  const message = (error as Error).message;
  if (msgIncludes !== undefined && !message.includes(msgIncludes)) {
    refuse(
      `expected the message to contain ${inspect(msgIncludes)}, got ${
        inspect(message)
      }`,
      msg,
    );
  }
  return error as E;
}

/** `fn` must throw; returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** `fn` must throw an `ErrorClass` whose message contains `msgIncludes`. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  classOrMsg?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const [errorClass, note] = typeof classOrMsg === "string"
    ? [undefined, classOrMsg]
    : [classOrMsg, msg];
  try {
    fn();
  } catch (error) {
    if (errorClass === undefined) return error;
    return checkError(error, { errorClass, msgIncludes, msg: note });
  }
  refuse("expected the function to throw", note);
}

/** The promise of `fn` must reject; resolves to the reason. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/** It must reject with an `ErrorClass` whose message contains `msgIncludes`. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const [errorClass, note] = typeof classOrMsg === "string"
    ? [undefined, classOrMsg]
    : [classOrMsg, msg];
  let pending: PromiseLike<unknown>;
  try {
    pending = fn();
  } catch (error) {
    // As in the original: a synchronous throw is no rejection.
    refuse(`the function threw at once: ${inspect(error)}`, note);
  }
  try {
    await pending;
  } catch (error) {
    if (errorClass === undefined) return error;
    return checkError(error, { errorClass, msgIncludes, msg: note });
  }
  refuse("expected the promise to reject", note);
}

/** The last number of 32 bits without a sign. */
export const MAX_UINT32 = 0xffff_ffff;

/**
 * (uid_t) -1: to POSIX it means that an owner or a group stays as it is, so that no
 * user and no group has it, and what is given to it stays its maker's.
 */
export const NO_ID = 0xffff_ffff;
/** The last uid, and the last gid. */
export const LAST_ID: number = NO_ID - 1;

/** What `typeof` says of an option. */
export type TypeName = "boolean" | "function" | "number" | "object" | "string";

/** Throws TypeError for an option of another type than `typeof` says; it may be left out. */
export function checkType(
  what: string,
  value: unknown,
  type: TypeName,
): void {
  if (value === undefined || typeof value === type && value !== null) return;
  const article = type === "object" ? "an" : "a";
  throw new TypeError(
    `${what} must be ${article} ${type}, not ${shown(value)}`,
  );
}

/** Throws TypeError for an option that is none of some words; it may be left out. */
export function checkWord(
  what: string,
  value: unknown,
  words: readonly string[],
): void {
  if (value === undefined || words.some((word) => word === value)) return;
  throw new TypeError(`${what} is ${words.join(", ")}, not ${shown(value)}`);
}

/**
 * Throws TypeError for an option that is no number, RangeError for one that is
 * not whole or out of a range; it may be left out.
 */
export function checkWhole(
  what: string,
  value: unknown,
  { least = 0, most = Number.MAX_SAFE_INTEGER }: {
    readonly least?: number;
    readonly most?: number;
  } = {},
): void {
  if (value === undefined) return;
  const isNumber = typeof value === "number";
  if (
    isNumber && Number.isInteger(value) && value >= least && value <= most
  ) return;
  const upTo = most === Number.MAX_SAFE_INTEGER ? "" : ` to ${most}`;
  const message = `${what} must be a whole number from ${least}${upTo}, not ${
    shown(value)
  }`;
  throw isNumber ? new RangeError(message) : new TypeError(message);
}

/** A value as a line of a message may have it. */
export function shown(value: unknown): string {
  return typeof value === "object" && value !== null
    ? "an object"
    : Deno.inspect(value);
}

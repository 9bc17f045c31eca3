import { constants } from "node:os";

/** Names of this host's error numbers. */
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

/** The host's name of an error ("ENOENT"), `undefined` for what has none. */
export function hostCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  // node:fs has no name for some, as EDQUOT: there it is the number, below zero.
  if (code === "UNKNOWN" && typeof errno === "number") return nameOf(-errno);
  if (typeof code === "string") {
    // ERR_INVALID_ARG_TYPE and the like are mistakes in the calling code.
    return /^E(?!RR_)[A-Z0-9]+$/.test(code) ? code : undefined;
  }
  if (!(error instanceof Error)) return undefined;
  // Deno's own permissions stand between us and the host: the operator's to mend,
  // and no refusal of the caller.
  if (error instanceof Deno.errors.NotCapable) return "EIO";
  // Deno has names for some errors, and for the others this.
  const [, number] = /\(os error (\d+)\)/.exec(error.message) ?? [];
  return number === undefined ? undefined : nameOf(Number(number));
}

function nameOf(errno: number): string {
  return NAMES.get(errno) ?? "EIO";
}

/** An error number of a C call as Deno would throw it. */
export function hostError(errno: number, call: string): Error {
  const code = nameOf(errno);
  return Object.assign(new Error(`${code}: ${call} (os error ${errno})`), {
    code,
  });
}

/*
 * Names that clients are not told of when they list a folder: what another system
 * leaves beside its files, as `._*` of a Mac. Who asks for one by its name finds it.
 */

/** What may stand for any part of a name, also for nothing. */
const ANY = "*";

/** Whether names can be hidden by this: part of a name, which is all that each of them may be. */
export function isNamePattern(pattern: unknown): pattern is string {
  return typeof pattern === "string" && !/[/\0]/.test(pattern) &&
    pattern.replaceAll(ANY, "") !== "";
}

/** The names of an export that are hidden. */
export class HiddenNames {
  readonly #patterns: readonly (readonly string[])[];

  /** Those that any of these fit, in which `*` stands for any part of a name. */
  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.map((pattern) => pattern.split(ANY));
  }

  /** Whether a name is one of them. */
  has(name: string): boolean {
    return this.#patterns.some((parts) => fits(name, parts));
  }
}

/** Whether a name begins with the first part, ends with the last, and has the others in between. */
function fits(name: string, parts: readonly string[]): boolean {
  const first = parts[0]!;
  const last = parts.at(-1)!;
  if (parts.length === 1) return name === first;
  const end = name.length - last.length;
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = name.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return from <= end;
}

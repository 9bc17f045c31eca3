import { MEMORY } from "../backends/sqlite/database.ts";
import { suggestion } from "../base/suggestion.ts";

/** A command line that can't be understood; the message is one line for the user. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A folder for a store; throws {@linkcode UsageError} for what is none to SQLite. */
export function storeFolder(text: string): string {
  if (text === MEMORY) {
    throw new UsageError(
      `${MEMORY} is no folder, and what is in it ends with the command ` +
        "(a tree in memory: --export /=memory:; a folder of that name: ./:memory:)",
    );
  }
  return text;
}

/** A number of bytes, or of 1024, 1024² … of them with K, M, G or T behind it. */
export function size(
  flag: string,
  text: string | undefined,
  { from = 1, to = Number.MAX_SAFE_INTEGER }: {
    readonly from?: number | undefined;
    readonly to?: number | undefined;
  } = {},
): number | undefined {
  if (text === undefined) return undefined;
  const [, digits, unit = ""] = /^(\d+)([KMGT]?)$/.exec(text) ?? [];
  const bytes = Number(digits) * 1024 ** ("KMGT".indexOf(unit) + 1);
  const value = unit === "" ? Number(digits) : bytes;
  if (!Number.isSafeInteger(value)) {
    throw new UsageError(
      `${flag} must be a number of bytes, or 512M, or 10G, not ${
        JSON.stringify(text)
      }`,
    );
  }
  if (value < from || value > to) {
    throw new UsageError(
      `${flag} must be from ${rounded(from, Math.ceil)} to ${
        rounded(to, Math.floor)
      }, not ${JSON.stringify(text)}`,
    );
  }
  return value;
}

/** A number of bytes as a flag may have it, in its largest unit. */
function rounded(bytes: number, round: (value: number) => number): string {
  const power = Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${round(bytes / 1024 ** power)}${"KMGT"[power - 1] ?? ""}`;
}

/** A whole number of a range, in digits. */
export function integer(
  flag: string,
  text: string,
  range: { from: number; to: number },
): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < range.from || value > range.to) {
    throw new UsageError(
      `${flag} must be a whole number from ${range.from} to ${range.to}, not ${
        JSON.stringify(text)
      }`,
    );
  }
  return value;
}

/** What names something, a folder or a host: nothing is no name. */
export function named(
  flag: string,
  text: string | undefined,
): string | undefined {
  // "" + "/identity.json" is in the host's root.
  if (text === "") throw new UsageError(`${flag} wants a value behind it`);
  return text;
}

/** The first of some names that is there a second time, where only one of them would count. */
export function repeated(names: readonly string[]): string | undefined {
  return names.find((name, i) => names.indexOf(name) < i);
}

/** One of some words. */
export function oneOf<T extends string>(
  flag: string,
  text: string,
  choices: readonly T[],
): T {
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) {
    throw new UsageError(
      `${flag} must be one of ${choices.join(", ")}, not ${
        JSON.stringify(text)
      }${suggestion(text, choices)}`,
    );
  }
  return choice;
}

import { shown } from "./option_values.ts";
import { suggestion } from "./suggestion.ts";

/** A key for each option of `Options`, and no other: the compiler keeps it complete. */
export type OptionNames<Options> = Readonly<
  Record<keyof Options, unknown>
>;

/** The options with a value for each. */
export type Complete<Options> = {
  [Name in keyof Options]-?: Exclude<Options[Name], undefined>;
};

/**
 * Throws TypeError for what is no object, or has an option of a name that is
 * not known: in JavaScript a slip would silently mean the default.
 */
export function checkOptionNames<Options extends object>(
  whose: string,
  options: Options,
  names: OptionNames<Options>,
): void {
  if (
    typeof options !== "object" || options === null ||
    Array.isArray(options) || options instanceof Promise
  ) {
    throw new TypeError(
      `${whose} takes an object of options, not ${shown(options)}`,
    );
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(names, name)) continue;
    throw new TypeError(
      `${whose} has no option "${name}"${suggestion(name, Object.keys(names))}`,
    );
  }
}

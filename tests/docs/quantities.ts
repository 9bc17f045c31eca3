/** Numbers that documents have in words. */
export const WORDS: Readonly<Record<string, number>> = {
  ...{ "half a": 0.5, "half an": 0.5, a: 1, an: 1, one: 1, two: 2, three: 3 },
  ...{ four: 4, five: 5, six: 6, seven: 7, eight: 8, nine: 9, ten: 10 },
  ...{ eleven: 11, twelve: 12, fifteen: 15, twenty: 20, thirty: 30, forty: 40 },
  ...{ fifty: 50, sixty: 60, ninety: 90, "a hundred": 100, "a thousand": 1000 },
};

/** Units of time in milliseconds, of size in bytes, and of how often. */
export const UNITS: Readonly<Record<string, number>> = {
  ...{ ms: 1, millisecond: 1, milliseconds: 1 },
  ...{ s: 1_000, second: 1_000, seconds: 1_000 },
  ...{ minute: 60_000, minutes: 60_000, hour: 3_600_000, hours: 3_600_000 },
  ...{ day: 86_400_000, days: 86_400_000, week: 604_800_000 },
  ...{ weeks: 604_800_000, bytes: 1 },
  ...{ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 },
  ...{ KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
  ...{ attempts: 1, times: 1 },
};

/** Units that stand at the last digit, as the command line takes them. */
const SUFFIXES: Readonly<Record<string, number>> = {
  ...{ K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 },
};

/** Numbers with a unit, as a text has them. */
export interface Quantity {
  /** Number and unit, or "5, 10, 20 s". */
  readonly said: string;
  /** The text before it. */
  readonly before: string;
  /** In milliseconds, bytes or times. */
  readonly values: readonly number[];
}

const oneOf = (words: Readonly<Record<string, number>>) =>
  // The longest first: "a" begins "a hundred".
  Object.keys(words).sort((a, b) => b.length - a.length).join("|");
const NUMBER = `\\d+(?:,\\d{3})*(?:\\.\\d+)?|(?:${oneOf(WORDS)})(?![\\w])`;
const QUANTITY = new RegExp(
  `(?<![\\w.])((?:(?:${NUMBER})(?:,|,? (?:to|or|and|then)) )*(?:${NUMBER}))` +
    `(?:(?: …)?[ -](${oneOf(UNITS)})|(?<=\\d)(${oneOf(SUFFIXES)}))(?!\\w)`,
  "gi",
);

/** All quantities of a text, whose lines are one by then. */
export function quantities(document: string): Quantity[] {
  const text = document.replaceAll(/\s+/g, " ");
  return [...text.matchAll(QUANTITY)].map((match) => {
    const [said, numbers, unit, suffix] = match;
    const size = suffix === undefined
      ? valueOf(UNITS, unit!)
      : valueOf(SUFFIXES, suffix);
    return {
      said,
      before: text.slice(0, match.index).trimEnd(),
      values: [...numbers!.matchAll(new RegExp(NUMBER, "gi"))].map(([word]) =>
        size * (valueOf(WORDS, word) ?? Number(word.replaceAll(",", "")))
      ),
    };
  });
}

/** The value of a word, however it is capitalized. */
function valueOf(words: Readonly<Record<string, number>>, word: string) {
  const name = Object.keys(words).find((each) =>
    each.toLowerCase() === word.toLowerCase()
  );
  return words[name!]!;
}

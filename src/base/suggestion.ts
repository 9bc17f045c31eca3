/** Letters that a beginning has at least. */
const LEAST_BEGINNING = 3;

/** What is put behind "there is no X" where X looks like a slip of one of `words`; else empty. */
export function suggestion(text: string, words: readonly string[]): string {
  const close = closest(text, words);
  return close === undefined ? "" : `, did you mean ${close}?`;
}

/**
 * The word that `text` is the beginning of, or else the one that it is closest to, of
 * those for which at most a third of it would have to change.
 */
function closest(
  text: string,
  words: readonly string[],
): string | undefined {
  const longer = words.find((word) => word.startsWith(text));
  if (text.length >= LEAST_BEGINNING && longer !== undefined) return longer;
  let best: string | undefined;
  let least = Math.ceil(text.length / 3) + 1;
  for (const word of words) {
    const changes = editDistance(text, word);
    if (changes < least) [best, least] = [word, changes];
  }
  return best;
}

/** Letters to add, drop, replace or swap with their neighbour to make one text of the other. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      row[j] = Math.min(
        last[j]! + 1,
        row[j - 1]! + 1,
        last[j - 1]! + (same ? 0 : 1),
      );
      if (from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1);
      }
    }
    [beforeLast, last] = [last, row];
  }
  return last[to.length]!;
}

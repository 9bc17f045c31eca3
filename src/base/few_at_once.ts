import { allDone } from "./all_done.ts";

/**
 * Does `act` with each of the items, `most` of them at a time. Resolves when all have
 * ended; what one throws is thrown then, and no further one is begun.
 */
export async function fewAtOnce<T>(
  items: Iterable<T>,
  most: number,
  act: (item: T) => Promise<unknown>,
): Promise<void> {
  const rest = Iterator.from(items);
  let hasFailed = false;
  const work = async () => {
    try {
      while (!hasFailed) {
        const { done, value } = rest.next();
        if (done) return;
        await act(value);
      }
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  };
  await allDone(Array.from({ length: most }, work));
}

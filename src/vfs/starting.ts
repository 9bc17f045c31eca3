import type { FileSystem } from "./file_system.ts";

/**
 * On a back end of ours that has to wait before it can tell of itself: has it
 * start. Rejects with an `Error` of one line for the user. A server that does not
 * come about disposes of the result: what only that had started is ended.
 */
export const start: unique symbol = Symbol("start");

/**
 * Waits until file systems can be asked for their limits. Rejects where one does
 * not start, with nothing left of those that have started for this. The result is
 * to be disposed of where they are not served after all.
 */
export async function started(
  all: Iterable<FileSystem & { readonly [start]?: () => Promise<Disposable> }>,
): Promise<DisposableStack> {
  const starts = await Promise.allSettled([...all].map((fs) => fs[start]?.()));
  using undoing = new DisposableStack();
  for (const each of starts) {
    if (each.status === "fulfilled" && each.value) undoing.use(each.value);
  }
  const failed = starts.find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
  return undoing.move();
}

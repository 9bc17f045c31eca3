/** Waits until all have ended, however each does, and throws what the first of them has failed with. */
export async function allDone(
  work: Iterable<Promise<unknown>>,
): Promise<void> {
  for (const end of await Promise.allSettled(work)) {
    if (end.status === "rejected") throw end.reason;
  }
}

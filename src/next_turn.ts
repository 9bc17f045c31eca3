/** Resolves in a later turn of the event loop: whoever waits for input or a timer comes first. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** By chance not even the second draw is taken. */
const DRAWS = 100;

/**
 * Draws until a value is free. Throws where none is: randomness that a test, or a
 * program, has given may repeat itself for ever.
 */
export function drawFree<T>(draw: () => T, isFree: (value: T) => boolean): T {
  for (let i = 0; i < DRAWS; i++) {
    const value = draw();
    if (isFree(value)) return value;
  }
  throw new Error("the randomness that was given repeats itself");
}

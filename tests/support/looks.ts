/** What collections step with: each is one object, whatever the collection. */
const STEPPERS: readonly { next: (...args: unknown[]) => unknown }[] = [
  new Map().values(),
  new Set().values(),
  [].values(),
  (function* () {})(),
].map((iterator) => {
  let found: object = iterator;
  while (!Object.hasOwn(found, "next")) found = Object.getPrototypeOf(found);
  return found as { next: () => unknown };
});

/** How many things `act` looks at as it goes through maps, sets, arrays and generators. */
export async function looksOf(act: () => unknown): Promise<number> {
  let looks = 0;
  const own = STEPPERS.map((stepper) => {
    const { next } = stepper;
    stepper.next = function (...args) {
      looks++;
      return Reflect.apply(next, this, args);
    };
    return next;
  });
  try {
    await act();
  } finally {
    STEPPERS.forEach((stepper, i) => stepper.next = own[i]!);
  }
  return looks;
}

/**
 * The kill test over TCP, as long as you like:
 *
 *     deno task crash --points 500 [--seed N]
 *
 * The seed decides what is done; when the kill meets it is up to the machine.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { crash } from "./crash.ts";

const { values } = parseArgs({
  options: {
    points: { type: "string", default: "500" },
    seed: { type: "string", default: `${Date.now() % 2 ** 32}` },
  },
});
const [points, seed] = [Number(values.points), Number(values.seed)];
console.log(`${points} points, seed ${seed}`);
const begin = performance.now();
try {
  const { answered, happened, not } = await crash({
    points,
    seed,
    progress(point) {
      if (point % 50 === 0) console.log(`${point} points`);
    },
  });
  const seconds = ((performance.now() - begin) / 1000).toFixed(0);
  console.log(
    `${points} points in ${seconds} s, seed ${seed}: ` +
      `${answered} answers, all of them there; ` +
      `${happened} steps without an answer had happened, ${not} had not`,
  );
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}

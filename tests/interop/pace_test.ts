import { assertEquals } from "@std/assert";
import { Pace, parseBoot } from "./pace.ts";

Deno.test("how long a guest took to boot is read from the harness", () => {
  const line =
    "linux-client: boot 3.52 s, mount 0.21 s, whole run 5.20 s (tcg)";
  assertEquals(parseBoot(line), 3.52);
  assertEquals(parseBoot(line.replace("boot", "client 2: boot")), 3.52);
  assertEquals(parseBoot("== boot 3 s"), undefined);
});

Deno.test("limits are as they stand on a usual machine, longer on a slow one, never endless", () => {
  const pace = new Pace();
  assertEquals([pace.factor, pace.again], [1, 2]);
  pace.booted(4);
  assertEquals(pace.factor, 1);
  pace.booted(20);
  assertEquals([pace.factor, pace.again], [3, 6]);
  pace.booted(1000);
  assertEquals([pace.factor, pace.again], [8, 8]);
});

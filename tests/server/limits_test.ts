import { assertEquals } from "@std/assert";
import { completeLimits } from "../../src/server/limits.ts";

Deno.test("connections leave most of the descriptors that a process may have to files", () => {
  const of = (...args: Parameters<typeof completeLimits>) => {
    const { maxConnections, maxConnectionsPerAddress } = completeLimits(
      ...args,
    );
    return [maxConnections, maxConnectionsPerAddress];
  };
  assertEquals(of({}, 1024), [384, 192]);
  assertEquals(of({}, 20), [16, 8]);
  assertEquals(of({}, 100_000), [4096, 1024]);
  assertEquals(of({ maxConnections: 3000 }, 1024), [3000, 1024]);
  assertEquals(of({ maxConnectionsPerAddress: 10 }, 1024), [384, 10]);
});

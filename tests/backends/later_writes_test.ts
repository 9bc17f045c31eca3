import { assertEquals } from "@std/assert";
import { openHostCalls } from "../../src/backends/common/host_calls.ts";
import { LaterWrites } from "../../src/backends/common/later_writes.ts";

const calls = openHostCalls();

Deno.test({
  name: "a write that has waited until libc is closed is not made by it",
  ignore: calls === undefined,
  async fn() {
    const writes = new LaterWrites(calls!);
    calls!.close();
    assertEquals(await writes.write(-1, new Uint8Array(9), 0), -1);
  },
});

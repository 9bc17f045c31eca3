import { assertGreater } from "@std/assert";
import { crash } from "./crash.ts";

const ignore = Deno.permissions.querySync({ name: "run" }).state !== "granted";

for (const durability of ["full", "os"] as const) {
  Deno.test({
    name: `whatever was answered survives SIGKILL (${durability})`,
    ignore,
    async fn() {
      const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
      console.log(`seed ${seed}`);
      const { batches } = await crash({ points: 24, seed, durability });
      // How many there are is up to how busy the host is.
      assertGreater(batches, 0);
    },
  });
}

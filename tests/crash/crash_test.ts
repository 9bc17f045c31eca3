import { assert } from "@std/assert";
import { cannotRun } from "../support/cli.ts";
import { crash } from "./crash.ts";

const ignore = cannotRun ||
  Deno.permissions.querySync({ name: "write" }).state !== "granted";

Deno.test(
  "nothing that was answered is lost when the server is killed, nothing is done twice",
  {
    ignore,
  },
  async () => {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
    const { answered } = await crash({ points: 15, seed });
    assert(answered > 15, `only ${answered} answers; seed ${seed}`);
  },
);

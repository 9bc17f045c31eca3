import { assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import jsrConfig from "../deno.jsr.json" with { type: "json" };

Deno.test("deno.jsr.json is deno.json without the stand-ins", () => {
  const { workspace, ...rest } = config;
  assertEquals(workspace.length, 3);
  assertEquals(rest, jsrConfig);
});

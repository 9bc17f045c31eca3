import { assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import jsrConfig from "../deno.jsr.json" with { type: "json" };

Deno.test("deno.jsr.json is deno.json without the stand-ins", () => {
  const { workspace, ...rest } = config;
  assertEquals(workspace.length, 3);
  assertEquals(rest, jsrConfig);
});

Deno.test("the documentation of every entry point is checked", () => {
  const entryPoints = Object.values(config.exports).map((path) =>
    path.slice(2)
  );
  assertEquals(config.tasks.doc, `deno doc --lint ${entryPoints.join(" ")}`);
});

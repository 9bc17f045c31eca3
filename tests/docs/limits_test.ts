import { assertEquals } from "@std/assert";
import { defaultServerLimits } from "../../mod.ts";
import { noFiles, read } from "./documents.ts";

Deno.test("PROTOCOL.md names every limit, and what it is if left out", {
  ignore: noFiles,
}, () => {
  const text = read("PROTOCOL.md");
  const [, section] = /^## Limits\n([^]*?)^## /m.exec(text)!;
  const documented = new Map<string, number>();
  for (const line of section!.split("\n")) {
    const [, names = "", value] = line.split("|");
    for (const [, name] of names.matchAll(/`(\w+)`/g)) {
      documented.set(name!, Number(value));
    }
  }
  const limits = Object.entries(defaultServerLimits).map(
    // Words, where it depends on the machine.
    ([name, value]) => [name, name === "maxStateBytes" ? NaN : value],
  );
  assertEquals([...documented].sort(), limits.sort());
});

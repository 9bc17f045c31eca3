import { assert } from "@std/assert";
import { operationTable } from "./operation_table.ts";
import { noFiles, read } from "./documents.ts";

Deno.test("the engine's README has the server's own table of operations", {
  ignore: noFiles,
}, () => {
  const text = read("src/engine/README.md");
  // To mend it: deno eval 'import { operationTable } from "./tests/docs/operation_table.ts"; console.log(operationTable())'
  assert(plain(text).includes(plain(operationTable())));
});

/** A table without what `deno fmt` adds to it. */
function plain(markdown: string): string {
  return markdown.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---")
    .replaceAll("--:", "-:").replaceAll(/-+:/g, "-:");
}

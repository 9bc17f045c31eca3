import { assert } from "@std/assert";
import { operationTable } from "./operation_table.ts";

const noFiles =
  Deno.permissions.querySync({ name: "read" }).state !== "granted";

Deno.test("PROTOCOL.md's table of operations is the server's own", {
  ignore: noFiles,
}, () => {
  const text = Deno.readTextFileSync(
    new URL("../../PROTOCOL.md", import.meta.url),
  );
  // To mend it: deno eval 'import { operationTable } from "./tests/docs/operation_table.ts"; console.log(operationTable())'
  assert(plain(text).includes(plain(operationTable())));
});

/** A table without what `deno fmt` adds to it. */
function plain(markdown: string): string {
  return markdown.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---")
    .replaceAll("--:", "-:").replaceAll(/-+:/g, "-:");
}

import { assert } from "@std/assert";

/** Has the host drop what it keeps in memory of a file, where its file system does that. */
export async function dropCached(path: string): Promise<void> {
  const { success } = await new Deno.Command("dd", {
    args: [`of=${path}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0"],
    stdin: "null",
    stderr: "null",
  }).output();
  assert(success);
}

import fs from "node:fs";

/** The number that Linux has for the kind of file system at a path (`statfs`); `undefined` where that may not be asked. */
export function fileSystemType(path: string): number | undefined {
  const asking = { name: "sys", kind: "statfs" } as const;
  if (Deno.permissions.querySync(asking).state !== "granted") return undefined;
  return fs.statfsSync(path).type >>> 0;
}

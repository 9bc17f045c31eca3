const MODULE = new URL("./worker.ts", import.meta.url);
/** The folder that all of the worker's modules are in. */
const SOURCE = new URL("../../../", import.meta.url);

/** A worker that carries a folder; throws an `Error` for the user where Deno may not read its module. */
export function openWorker(): Worker {
  if (!mayRead(SOURCE)) {
    throw new Error(
      `a worker for it needs --allow-read=${SOURCE.pathname} as well`,
    );
  }
  return new Worker(MODULE, { type: "module", name: "local" });
}

/** Deno reads a worker's modules by the program's permissions, and would ask the user for one. */
function mayRead(module: URL): boolean {
  if (module.protocol !== "file:") return true;
  const asking = { name: "read", path: module } as const;
  return Deno.permissions.querySync(asking).state === "granted";
}

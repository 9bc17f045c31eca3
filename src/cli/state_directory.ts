import { isAbsolute } from "node:path";
import type { Logger } from "../base/log.ts";
import { isIdentityKept } from "../recovery/server_identity.ts";
import type { ServeArguments } from "./arguments.ts";

/**
 * Where the server's identity and its clients are kept; `undefined` where there is
 * no place for it. What moves with a store, and outlives the process with it, is in
 * the store: the first that has been a server's, as filehandles of mounted clients
 * end with an identity, or else the first.
 */
export function stateDirectory(
  { exports, stateDirectory: asked }: Pick<
    ServeArguments,
    "exports" | "stateDirectory"
  >,
  log: Logger,
): string | undefined {
  if (asked !== undefined) return asked;
  const inStores = exports
    .filter(({ backend }) => backend === "sqlite")
    .map(({ location }) => `${location}/server`);
  const hasFolders = exports.some(({ backend }) => backend === "local");
  const own = hasFolders || inStores.length === 0 ? ofUser() : undefined;
  if (inStores.length > 0) return ofStores(inStores, own, log);
  // What is in memory ends with the process: nothing could be reclaimed.
  if (!hasFolders) return undefined;
  if (own !== undefined) return own;
  const home = isReadable("HOME") ? "no HOME" : "HOME needs --allow-env";
  log.warn(
    `${home} and no --state: filehandles and locks end with the process; --state DIR keeps them`,
  );
  return undefined;
}

/** In which of its stores a server's state is; `own` is where that of a server without a store would be. */
function ofStores(
  inStores: readonly string[],
  own: string | undefined,
  log: Logger,
): string {
  const [kept, ...others] = inStores.filter(isIdentityKept);
  const chosen = kept ?? inStores[0]!;
  // A store that has an identity was told of when it got it.
  const isOwnLeft = kept === undefined && own !== undefined &&
    isIdentityKept(own);
  for (const left of isOwnLeft ? [own] : others) {
    log.warn(
      `what clients of an earlier server hold is in ${left}, and is not known to this one, whose state is in ${chosen}; --state ${left} goes on with it`,
    );
  }
  return chosen;
}

/** Where it is for a server that has no store. */
function ofUser(): string | undefined {
  const home = folderOf("HOME");
  const base = folderOf("XDG_STATE_HOME") ??
    (home === undefined ? undefined : `${home}/.local/state`);
  return base && `${base}/dittofs-nfs4`;
}

/** A folder that a variable names; by the XDG specification one that is empty or relative counts as unset. */
function folderOf(variable: string): string | undefined {
  const path = environment(variable);
  return path !== undefined && isAbsolute(path) ? path : undefined;
}

/** A variable of the environment, where it may be looked at without a question. */
function environment(variable: string): string | undefined {
  return isReadable(variable) ? Deno.env.get(variable) : undefined;
}

function isReadable(variable: string): boolean {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted";
}

import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { ClientLog } from "./client_log.ts";

/** Where the client log of one server is. */
export interface ClientLogPlace {
  /** The server's folder. */
  readonly directory: string;
  /** The address that clients know the server by. */
  readonly hostname: string;
  /** The port that they know it by. */
  readonly port: number;
}

/**
 * Opens the client log of the server at one address, in `clients/` of its
 * folder, so that servers at several addresses can share the folder. Undefined
 * at port 0: no client finds such a server again. Throws as `ClientLog` does.
 */
export function openClientLog(
  { directory, hostname, port }: ClientLogPlace,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): ClientLog | undefined {
  if (port === 0) return undefined;
  const address = `${hostname}_${port}`.replaceAll(/[^\w.-]/g, "_");
  // The extension is older than the word: it stays what folders have in them.
  return new ClientLog(`${directory}/clients/${address}.journal`, {
    clock,
    onTrouble: (message) => log.error(message),
  });
}

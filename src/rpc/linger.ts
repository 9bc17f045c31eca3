import type { Clock } from "../base/clock.ts";
import { sleep } from "../base/timers.ts";
import type { Transport } from "./transport.ts";

const LINGER_MS = 200;

/**
 * Says that nothing more comes, and waits a moment for the peer to close: closing
 * while its calls lie unread would reset the connection, and it could lose replies
 * that it has not read. `silent` resolves when the peer has closed.
 */
export async function linger(
  transport: Transport,
  { clock, silent }: {
    readonly clock: Clock;
    readonly silent: Promise<void>;
  },
): Promise<void> {
  const heard = new AbortController();
  try {
    await transport.closeWrite();
    await Promise.race([silent, sleep(clock, LINGER_MS, heard.signal)]);
  } catch {
    // The peer was faster.
  } finally {
    heard.abort();
  }
}

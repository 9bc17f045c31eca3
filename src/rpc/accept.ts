import type { Awaitable } from "../base/awaitable.ts";
import type { Clock } from "../base/clock.ts";
import { hostCode } from "../base/host_error.ts";
import type { Logger } from "../base/log.ts";
import { isOutOfRoom } from "../base/out_of_room.ts";
import { sleep } from "../base/timers.ts";
import type { Acceptor, Connected } from "./transport.ts";

/** Before a process that is out of descriptors tries again, in milliseconds. */
export const PAUSE_MS = 50;
/** Until the descriptors of what was just closed are free, in milliseconds. */
const FREED_MS = 1;

/** What is done with what an acceptor brings. */
export interface AcceptOptions {
  /** Takes a connection, and resolves when the next may come; must not throw or reject. */
  readonly admit: (connected: Connected) => Awaitable<void>;
  /** Before each: a promise where other work comes first. */
  readonly turn?: (() => Promise<void> | undefined) | undefined;
  /** A peer was gone before its connection could be accepted. */
  readonly lost?: (() => void) | undefined;
  /** Closes what can be spared when descriptors have run out; whether there was anything. */
  readonly spare?: (() => boolean) | undefined;
  /** Hears once of each time that descriptors or memory run out. */
  readonly logger: Logger;
  /** What pauses go by. */
  readonly clock: Clock;
  /** The acceptor is about to be closed. */
  readonly signal: AbortSignal;
}

/** Accepts connections until `signal` aborts and the acceptor is closed; never rejects. */
export async function acceptAll(
  acceptor: Pick<Acceptor, "accept">,
  { admit, turn, lost, spare, logger, clock, signal }: AcceptOptions,
): Promise<void> {
  let isExhausted = false;
  for (;;) {
    const others = turn?.();
    if (others !== undefined) await others;
    if (signal.aborted) return;
    try {
      await admit(await acceptor.accept());
      isExhausted = false;
    } catch (error) {
      if (signal.aborted) return;
      if (isPeers(error)) {
        lost?.();
        continue;
      }
      if (!isExhausted) {
        logger.error("a connection could not be accepted", { error });
      }
      isExhausted = true;
      const isFreed = isOutOfRoom(error) && spare?.() === true;
      await sleep(clock, isFreed ? FREED_MS : PAUSE_MS, signal);
    }
  }
}

/**
 * What `accept` says of the one connection that it took, as `accept(2)` lists
 * it: the next in line is not to wait for that.
 */
const PEERS: ReadonlySet<unknown> = new Set([
  "ECONNABORTED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENONET",
  "ENOPROTOOPT",
  "ENOTCONN",
  "EPERM",
  "EPROTO",
  "ETIMEDOUT",
]);

function isPeers(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.TimedOut ||
    error instanceof Deno.errors.NetworkUnreachable ||
    PEERS.has(hostCode(error));
}

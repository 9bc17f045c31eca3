import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Turn } from "../base/turn.ts";
import type { BufferBudget } from "./buffer_budget.ts";
import type { CallTurns } from "./call_turns.ts";
import type { RpcHandlers, TransportObserver } from "./handlers.ts";
import type { BufferPool, WriterPool } from "./pools.ts";
import type { SecurityFlavor } from "./security.ts";

/** Options of a connection; the limits apply to each connection. */
export interface ConnectionOptions {
  /** What is done with the messages. */
  handlers: RpcHandlers;
  /** What its times go by. */
  clock: Clock;
  /** Largest record in bytes; 1 MiB + 64 KiB if left out. */
  maxRecord?: number | undefined;
  /**
   * Calls in flight at which reading stops; 1024 if left out. Replies to our
   * own calls are not read then either, so a call that waits for one needs a
   * time limit.
   */
  maxCalls?: number | undefined;
  /**
   * Bytes at which reading stops: replies that the peer has not taken, and the
   * memory of calls in flight. 16 MiB if left out.
   */
  maxPending?: number | undefined;
  /** A rate-limited logger; silent if left out. */
  logger?: Logger | undefined;
  /** Hears of bytes, refusals and the end. */
  observer?: TransportObserver | undefined;
  /** Receive buffers shared with other connections. */
  buffers?: BufferPool | undefined;
  /** Reply writers shared with other connections. */
  writers?: WriterPool | undefined;
  /** Bytes in hand of all connections together; unlimited if left out. */
  budget?: BufferBudget | undefined;
  /** When it is over, what else came with a call waits for the next; all is done at once if left out. */
  turn?: Turn | undefined;
  /** Shares out the calls of all connections; each begins all that came at once if left out. */
  callTurns?: CallTurns | undefined;
  /** How its calls name their callers; AUTH_NONE and AUTH_SYS, whose callers are taken at their word, if left out. */
  flavors?: readonly SecurityFlavor[] | undefined;
  /** {@inheritDoc Connection.party} That of its peer's address if left out. */
  party?: string | undefined;
  /** Called once, at the first call whose header is in order. */
  established?: (() => void) | undefined;
}

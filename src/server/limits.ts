import { getHeapStatistics } from "node:v8";
import { mostDescriptors } from "../base/process_limit.ts";
import { MAX_UINT32 } from "../base/option_values.ts";
import { checkOptionNames } from "../base/option_names.ts";
import { defaultLimits, type ProtocolLimits } from "../engine/limits.ts";

/**
 * How much of the server clients may use. Beyond a limit what is old and idle
 * goes first; only when there is nothing of that kind, the new is refused.
 */
export interface ServerLimits extends ProtocolLimits {
  /**
   * Connections open at once. Beyond it those that have not made a call yet
   * give way, the oldest first, then the one that has been idle for longest and
   * for five minutes at least; if there is none, the newest is turned away. If
   * left out it is no more than three eighths of the descriptors that the process
   * may have, and {@linkcode maxConnectionsPerAddress} no more than half of it.
   */
  readonly maxConnections: number;
  /**
   * Connections from one address; the same goes for them. A party (the user of this
   * host who holds a connection, where an export has it asked: `trust: "owner"`; or
   * else the network of its address, so that all users of a host are one) has half of all, or this where it is more, and there the address that
   * has most gives way to one that has fewer.
   */
  readonly maxConnectionsPerAddress: number;
  /** Requests of one connection that wait for the file system; beyond it nothing more is read from it. */
  readonly maxRequestsPerConnection: number;
  /**
   * Bytes in hand of all connections: requests that wait, partial records,
   * replies and callbacks that were not taken. As it fills up those connections
   * wait that hold most, and then end if they don't get on.
   */
  readonly maxBufferBytes: number;
  /**
   * Bytes of replies kept for replay, in all sessions. Beyond it clients are
   * asked to use fewer slots, and sessions that are not used end.
   */
  readonly maxReplayCacheBytes: number;
  /**
   * Calls of a file system that have not returned in `fileSystemTimeout`. The
   * parties share them out: one with half of them, or with as many as are left,
   * has nothing more asked of that file system until some of its own return.
   * Where a few are of one method and one file, that is asked no more of it.
   */
  readonly maxOverdueCalls: number;
  /**
   * Operations under way in one file system that has its callers wait: one of
   * your own, or a folder in a worker. Further ones stand in line, in which the
   * parties have their turns; one has half at most, a connection an eighth. Users
   * of one host wait for each other there unless an export has `trust: "owner"`.
   */
  readonly maxOperationsUnderWay: number;
  /** Requests to the metrics port that are answered at once; others get 503. */
  readonly maxMetricsRequests: number;
  /**
   * Bytes of memory for all that is remembered of clients: themselves, sessions
   * and kept replies, owners, opens, locks and delegations. If left out a
   * quarter of what V8 takes at most, which depends on the machine's memory. What
   * is one party's has three quarters at most.
   */
  readonly maxStateBytes: number;
}

/** What {@linkcode ServerLimits} are where they are left out. */
export const defaultServerLimits: ServerLimits = {
  ...defaultLimits,
  maxConnections: 4_096,
  maxConnectionsPerAddress: 1_024,
  maxRequestsPerConnection: 256,
  maxBufferBytes: 536_870_912,
  maxReplayCacheBytes: 268_435_456,
  maxOverdueCalls: 64,
  maxOperationsUnderWay: 256,
  maxMetricsRequests: 4,
  maxStateBytes: Math.floor(getHeapStatistics().heap_size_limit / 4),
};

/** Connections that there are in any case. */
const LEAST_CONNECTIONS = 16;

/**
 * Connections, where the program does not say: of the descriptors that the process
 * may have three eighths, and an address half of these, so that idle ones leave
 * file systems what they need.
 */
function usualConnections(
  descriptors: number,
): Pick<ServerLimits, "maxConnections" | "maxConnectionsPerAddress"> {
  const part = Math.max(LEAST_CONNECTIONS, Math.floor(descriptors * 3 / 8));
  const usual = defaultServerLimits;
  const maxConnections = Math.min(usual.maxConnections, part);
  const maxConnectionsPerAddress = Math.min(
    usual.maxConnectionsPerAddress,
    Math.ceil(maxConnections / 2),
  );
  return { maxConnections, maxConnectionsPerAddress };
}

/** Bytes of a request or reply besides the data of WRITE or READ, at least. */
const OVERHEAD = 1_024;

/**
 * Requests with their replies for which there has to be room: half of it is for
 * all connections.
 */
const WHOLE_CALLS = 4;
/** RFC 5531 11: a record mark has 31 bits; RPC takes some bytes more than a COMPOUND. */
const LONGEST_COMPOUND = 0x7fff_ffff - OVERHEAD;

/** What goes onto the wire, and the most that there is room for. */
const MOST: Readonly<Partial<Record<keyof ServerLimits, number>>> = {
  maxRequest: LONGEST_COMPOUND,
  maxReply: LONGEST_COMPOUND,
  maxCachedReply: LONGEST_COMPOUND,
  maxOperations: MAX_UINT32,
  maxSlots: MAX_UINT32,
};

/** Bytes of some clients with a session each: the least that {@linkcode ServerLimits.maxStateBytes} may be. */
export const LEAST_STATE_BYTES = 262_144;

/** The least that {@linkcode ServerLimits.maxBufferBytes} may be: room for a few of the largest calls. */
export function leastBufferBytes(
  { maxRequest, maxReply }: Pick<ServerLimits, "maxRequest" | "maxReply"> =
    defaultServerLimits,
): number {
  return WHOLE_CALLS * (maxRequest + maxReply);
}

/**
 * Completes limits, for a process that may have so many descriptors; throws TypeError
 * for what is none, RangeError for what can't be one, or can't be kept together.
 */
export function completeLimits(
  given: Partial<ServerLimits> = {},
  descriptors: number = mostDescriptors(),
): ServerLimits {
  checkOptionNames("serve: limits", given, defaultServerLimits);
  const usual = given.maxConnections === undefined
    ? usualConnections(descriptors)
    : undefined;
  const limits = { ...defaultServerLimits, ...usual, ...given };
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`${name} must be a whole number above 0: ${value}`);
    }
    const most = MOST[name as keyof ServerLimits] ?? Infinity;
    if (value > most) {
      throw new RangeError(`${name} must be ${most} or less: ${value}`);
    }
  }
  const { maxRead, maxReply, maxWrite, maxRequest } = limits;
  if (maxRead + OVERHEAD > maxReply) {
    throw new RangeError(
      `maxRead ${maxRead} does not fit maxReply ${maxReply}`,
    );
  }
  if (maxWrite + OVERHEAD > maxRequest) {
    throw new RangeError(
      `maxWrite ${maxWrite} does not fit maxRequest ${maxRequest}`,
    );
  }
  const { maxBufferBytes, maxStateBytes } = limits;
  if (maxBufferBytes < leastBufferBytes(limits)) {
    throw new RangeError(
      `maxBufferBytes ${maxBufferBytes} is too little for a few of the largest requests and replies: nobody would be served`,
    );
  }
  if (maxStateBytes < LEAST_STATE_BYTES) {
    throw new RangeError(
      `maxStateBytes ${maxStateBytes} is too little for a few clients`,
    );
  }
  // Kept replies are state as well, and must leave room for the rest of it.
  const maxReplayCacheBytes = Math.min(
    limits.maxReplayCacheBytes,
    Math.ceil(limits.maxStateBytes / 4),
  );
  return { ...limits, maxReplayCacheBytes };
}

import { askedBy } from "./asker.ts";
import type { Clock } from "./clock.ts";
import { EvenShares } from "./even_shares.ts";
import type { Logger, LogLevel } from "./log.ts";

/** The time for which {@linkcode RateLimit.perMinute} is a limit. */
export const MINUTE_MS = 60_000;

/** Options of {@linkcode rateLimited}. */
export interface RateLimit {
  /** Messages that each level may write in one minute, of which one party has half. */
  readonly perMinute: number;
  /** What the minute goes by. */
  readonly clock: Clock;
}

/**
 * Wraps a logger so that no remote peer can fill a log, nor have others' messages
 * left out: beyond the share that a party has of the minute a level is silent about
 * it, and says afterwards how many messages it left out. Debug is not limited: an
 * operator who asks for a line an operation wants each.
 */
export function rateLimited(logger: Logger, limit: RateLimit): Logger {
  let dropped = 0;
  const limitLevel = (level: LogLevel): Logger[LogLevel] => {
    let minute = -Infinity;
    let shares = new EvenShares<string>(limit.perMinute);
    let leftOut = 0;
    return (message, fields) => {
      const now = limit.clock.now();
      if (now - minute >= MINUTE_MS) {
        if (leftOut > 0) {
          logger[level]("left out messages of this level", { count: leftOut });
        }
        minute = now;
        shares = new EvenShares(limit.perMinute);
        leftOut = 0;
      }
      const { party } = askedBy();
      if (shares.size >= limit.perMinute || shares.isFull(party)) {
        leftOut++;
        dropped++;
      } else {
        shares.take(party);
        logger[level](message, fields);
      }
    };
  };
  return {
    level: logger.level,
    debug: (message, fields) => logger.debug(message, fields),
    info: limitLevel("info"),
    warn: limitLevel("warn"),
    error: limitLevel("error"),
    get dropped() {
      return dropped + (logger.dropped ?? 0);
    },
  };
}

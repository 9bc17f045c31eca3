import { leave } from "../base/awaitable.ts";
import type { RandomBytes } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { shown } from "../base/option_values.ts";
import type { AllowCallbackAddress } from "../backchannel/dial_out.ts";

/*
 * The functions among `ServeOptions`. They are called while clients wait, so what
 * they throw or return must not be more than one answer to one question.
 */

/** Bytes that are kept as ids: a copy, of just as many. Throws TypeError of one line for anything else. */
export function checkedRandom(random: RandomBytes): RandomBytes {
  return (length) => {
    const bytes: unknown = random(length);
    if (bytes instanceof Uint8Array && bytes.length === length) {
      return bytes.slice();
    }
    leave(bytes);
    throw new TypeError(
      `random must return a Uint8Array of ${length} bytes, not ${shown(bytes)}`,
    );
  };
}

/** Addresses are dialled for a plain `true`: a promise, say, is none. */
export function checkedAllow(
  allow: AllowCallbackAddress,
  log: Logger,
): AllowCallbackAddress {
  return (address, client) => {
    try {
      const isAllowed: unknown = allow(address, client);
      if (typeof isAllowed === "boolean") return isAllowed;
      leave(isAllowed);
      log.error("allowCallbackAddress must return true or false", {
        returned: shown(isAllowed),
      });
    } catch (error) {
      log.error("allowCallbackAddress failed", { error });
    }
    return false;
  };
}

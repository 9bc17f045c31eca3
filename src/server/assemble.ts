import type { Export } from "../vfs/exports.ts";
import { observe } from "./observers.ts";
import type { TimedOptions } from "./options.ts";
import {
  callBack,
  hear,
  listen,
  type Listening,
  openStores,
  remember,
  restore,
  settle,
} from "./phases.ts";

/** Puts a server together that accepts connections when this returns; see {@linkcode listen} for `spare`. */
export function assemble(
  offered: readonly Export[],
  options: TimedOptions,
  spare: () => boolean,
): Listening {
  const stored = openStores(settle(options), offered);
  try {
    const remembering = remember(stored);
    const callingBack = callBack(remembering);
    const observed = observe(callingBack);
    const answering = restore(observed);
    const hearing = hear(answering);
    return listen(hearing, spare);
  } catch (error) {
    stored.recovered.recovery?.[Symbol.dispose]();
    throw error;
  }
}

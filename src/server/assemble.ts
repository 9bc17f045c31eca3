import type { Export } from "../vfs/exports.ts";
import { observe } from "./observers.ts";
import type { TimedOptions } from "./options.ts";
import {
  callBack,
  checkFileSystems,
  hear,
  listen,
  type Listening,
  load,
  remember,
  restore,
  settle,
} from "./phases.ts";

/** Puts a server together that accepts connections when this returns. */
export async function assemble(
  offered: readonly Export[],
  options: TimedOptions,
): Promise<Listening> {
  const loaded = await load(checkFileSystems(settle(options), offered));
  try {
    const remembering = remember(loaded);
    const callingBack = callBack(remembering);
    const observed = observe(callingBack);
    const answering = restore(observed);
    const hearing = hear(answering);
    return listen(hearing);
  } catch (error) {
    loaded.recovered.clients?.[Symbol.dispose]();
    loaded.loopback?.[Symbol.dispose]();
    throw error;
  }
}

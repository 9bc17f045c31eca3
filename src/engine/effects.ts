import { nextTurn } from "../base/turn.ts";
import type { Services } from "./services.ts";

type Parts = Pick<Services, "effects" | "log">;

/**
 * Starts the slow work that the state left, and goes on with what is done in
 * pieces: some now, more in each turn of the event loop. A failure is ours to
 * log; no request waits for any of it.
 */
export function runEffects(services: Parts): void {
  const { effects } = services;
  if (effects.isEmpty) return;
  startDeferred(services);
  if (effects.isUnderWay || !effects.goOn()) return;
  effects.isUnderWay = true;
  effects.track(goOn(services));
}

/** Never rejects. */
async function goOn(services: Parts): Promise<void> {
  const { effects, log } = services;
  while (effects.hasWork) {
    await nextTurn();
    try {
      effects.goOn();
    } catch (error) {
      log.error("deferred work failed", { error });
    }
    startDeferred(services);
  }
  effects.isUnderWay = false;
}

function startDeferred({ effects, log }: Parts): void {
  const failed = (error: unknown): void =>
    log.error("deferred work failed", { error });
  for (const effect of effects.take()) {
    try {
      const pending = effect();
      if (pending instanceof Promise) effects.track(pending.catch(failed));
    } catch (error) {
      failed(error);
    }
  }
}

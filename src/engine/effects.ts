import { nextTurn } from "../base/turn.ts";
import type { Services } from "./services.ts";

type Parts = Pick<Services, "effects" | "jobs">;

/**
 * Starts the slow work that the state left, and goes on with what is done in
 * pieces: some now, more in each turn of the event loop. No request waits for
 * any of it.
 */
export function runEffects(services: Parts): void {
  const { effects, jobs } = services;
  if (effects.isEmpty) return;
  startDeferred(services);
  if (effects.isUnderWay || !effects.goOn()) return;
  effects.isUnderWay = true;
  jobs.begin(() => goOn(services));
}

async function goOn(services: Parts): Promise<void> {
  const { effects, jobs } = services;
  while (effects.hasWork) {
    await nextTurn();
    // A piece that fails is not to end the others.
    jobs.begin(() => void effects.goOn());
    startDeferred(services);
  }
  effects.isUnderWay = false;
}

function startDeferred({ effects, jobs }: Parts): void {
  for (const effect of effects.take()) jobs.begin(effect);
}

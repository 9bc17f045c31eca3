import type { Services } from "./services.ts";

/** Starts the slow work that the state left. A failure is ours to log; no request waits for it. */
export function runEffects(services: Pick<Services, "effects" | "log">): void {
  if (services.effects.isEmpty) return;
  const failed = (error: unknown): void =>
    services.log.error("deferred work failed", { error });
  for (const effect of services.effects.take()) {
    try {
      const pending = effect();
      if (pending instanceof Promise) {
        services.effects.track(pending.catch(failed));
      }
    } catch (error) {
      failed(error);
    }
  }
}

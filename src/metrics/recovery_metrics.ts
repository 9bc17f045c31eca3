import { Counter, Gauge } from "prom-client";
import type { ClientRecovery } from "../recovery/client_recovery.ts";
import type { GracePeriod } from "../state/grace.ts";
import { type MetricsRegistry, PREFIX } from "./registry.ts";

/** What {@linkcode observeRecovery} looks at. */
export interface RecoverySources {
  /** The time of reclaims. */
  readonly grace: GracePeriod;
  /** The records, where some are kept. */
  readonly recovery: ClientRecovery | undefined;
}

/** `grace_active`, `reclaims_total{verdict}`, `client_records` and `client_record_failures_total`. */
export function observeRecovery(
  registry: MetricsRegistry,
  { grace, recovery }: RecoverySources,
): void {
  const registers = [registry.prometheus];
  new Gauge({
    name: `${PREFIX}grace_active`,
    help: "1 while clients reclaim what they held before a restart.",
    registers,
    collect() {
      this.set(grace.isActive ? 1 : 0);
    },
  });
  new Counter({
    name: `${PREFIX}reclaims_total`,
    help: "OPENs and LOCKs that reclaim, by whether they were let through.",
    labelNames: ["verdict"],
    registers,
    collect() {
      this.reset();
      for (const [verdict, count] of Object.entries(grace.reclaims)) {
        this.inc({ verdict }, count);
      }
    },
  });
  if (recovery === undefined) return;
  new Gauge({
    name: `${PREFIX}client_records`,
    help: "Clients that could reclaim if the server restarted now.",
    registers,
    collect() {
      this.set(recovery.size);
    },
  });
  new Counter({
    name: `${PREFIX}client_record_failures_total`,
    help: "How often a record of a client could not be kept.",
    registers,
    collect() {
      this.reset();
      this.inc(recovery.failures);
    },
  });
}

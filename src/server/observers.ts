import { observeBuild } from "../metrics/build_info.ts";
import { ConnectionMetrics } from "../metrics/connection_metrics.ts";
import { observeCopies } from "../metrics/copy_metrics.ts";
import { observeDuplicates } from "../metrics/duplicate_metrics.ts";
import { observeExports } from "../metrics/export_metrics.ts";
import { OperationMetrics } from "../metrics/operation_metrics.ts";
import { observeRecovery } from "../metrics/recovery_metrics.ts";
import { SequenceMetrics } from "../metrics/sequence_metrics.ts";
import { SessionMetrics } from "../metrics/session_metrics.ts";
import { StateMetrics } from "../metrics/state_metrics.ts";
import { observeStores } from "../metrics/store_metrics.ts";
import { logOperations, StateLog } from "./debug_log.ts";
import type { CallingBack, Observed } from "./phases.ts";

/** The phase in which metrics and the log begin to follow what becomes of clients, sessions and files. */
export function observe(callingBack: CallingBack): Observed {
  const { state, log, registry, fileSystems, recovered } = callingBack;
  const { sessions, clock, grace } = state;
  const { exports } = fileSystems;
  observeRecovery(registry, { grace, recovery: recovered.clients });
  observeStores(registry, exports);
  observeExports(registry, exports, clock);
  observeBuild(registry);
  observeCopies(registry, state.copies);
  observeDuplicates(registry, state.duplicates);
  state.observeClients(new StateMetrics(registry, state));
  sessions.observe(new SessionMetrics(registry, clock));
  sessions.observe(new ConnectionMetrics(registry));
  const stateLog = new StateLog(log);
  sessions.observe(stateLog);
  state.observeClients(stateLog);
  new SequenceMetrics(registry, sessions);
  const metrics = new OperationMetrics(registry);
  const observer = log.level === "debug"
    ? logOperations(log, metrics)
    : metrics;
  return { ...callingBack, observer };
}

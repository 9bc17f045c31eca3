import { Callbacks } from "./callbacks.ts";
import type { Services } from "../engine/services.ts";
import type { Logger } from "../base/log.ts";
import { BackchannelMetrics } from "../metrics/backchannel_metrics.ts";
import { observeBuild } from "../metrics/build_info.ts";
import { ConnectionMetrics } from "../metrics/connection_metrics.ts";
import { DelegationMetrics } from "../metrics/delegation_metrics.ts";
import { OperationMetrics } from "../metrics/operation_metrics.ts";
import { observeRecovery } from "../metrics/recovery_metrics.ts";
import { observeExports } from "../metrics/export_metrics.ts";
import type { MetricsRegistry } from "../metrics/registry.ts";
import { SequenceMetrics } from "../metrics/sequence_metrics.ts";
import { SessionMetrics } from "../metrics/session_metrics.ts";
import { StateMetrics } from "../metrics/state_metrics.ts";
import { observeStores } from "../metrics/store_metrics.ts";
import { VERIFIER_SIZE } from "../nfs4/constants.ts";
import type { ClientRecovery } from "../recovery/client_recovery.ts";
import { openRecovery } from "../recovery/open_recovery.ts";
import {
  loadIdentity,
  newIdentity,
  type ServerIdentity,
} from "../recovery/server_identity.ts";
import {
  courtesyOf,
  DEFAULT_PORT,
  leaseOf,
  type ServeOptions,
  type TimedOptions,
} from "./options.ts";
import type { ServerLimits } from "./limits.ts";
import { systemRandom } from "../base/clock.ts";
import { EffectQueue } from "../state/effects.ts";
import { logOperations, StateLog } from "./debug_log.ts";
import { ServerState } from "../state/server_state.ts";
import type { SessionStore } from "../state/session_store.ts";
import { LoopTurn } from "../base/turn.ts";
import { systemWallClock } from "../base/wall_clock.ts";
import { CallerTable } from "../vfs/callers.ts";
import type { Export } from "../vfs/exports.ts";
import { Namespace } from "../vfs/namespace.ts";

/** The clients that the last start left, and those of this one. */
export function recoveryOf(
  options: TimedOptions,
  log: Logger,
): ClientRecovery | undefined {
  const { stateDirectory, graceSeconds } = options;
  if (stateDirectory === undefined) return undefined;
  return openRecovery({
    directory: stateDirectory,
    hostname: options.hostname ?? "127.0.0.1",
    port: options.port ?? DEFAULT_PORT,
    leaseMs: leaseOf(options),
    graceMs: graceSeconds === undefined ? undefined : graceSeconds * 1000,
    clock: options.clock,
    log,
  });
}

/** Who the server is: the same after a restart where there is a folder to keep it in. */
export function identityOf(
  { stateDirectory, random = systemRandom }: ServeOptions,
): ServerIdentity {
  return stateDirectory === undefined
    ? newIdentity(random)
    : loadIdentity(stateDirectory, random);
}

/** Everything that an operation may use, of a server that serves `exports`. */
export function buildServices(
  exports: readonly Export[],
  context: {
    readonly options: TimedOptions;
    readonly limits: ServerLimits;
    readonly log: Logger;
    readonly registry: MetricsRegistry;
    readonly recovery: ClientRecovery | undefined;
    readonly sessions: SessionStore | undefined;
    readonly identity: ServerIdentity;
  },
): Services {
  const { options, limits, registry, recovery, identity, log } = context;
  const { clock, random = systemRandom } = options;
  const turn = new LoopTurn();
  const effects = new EffectQueue(turn);
  const name = new TextEncoder().encode(
    // Two servers of one identity on two ports are not one server: no trunking.
    `${identity.name}:${options.port ?? DEFAULT_PORT}`,
  );
  const state = new ServerState({
    clock,
    random,
    effects,
    identity: { majorId: name, scope: name },
    leaseMs: leaseOf(options),
    courtesyMs: courtesyOf(options),
    grace: recovery?.grace,
    sessionStore: context.sessions,
    limits,
  });
  recovery?.watch(state);
  observeRecovery(registry, { grace: state.grace, recovery });
  observeStores(registry, exports);
  observeExports(registry, exports);
  observeBuild(registry);
  state.observeClients(new StateMetrics(registry, state));
  const metrics = new OperationMetrics(registry);
  return {
    state,
    namespace: new Namespace(exports, {
      handleKey: identity.handleKey,
      time: { seconds: Math.floor(systemWallClock() / 1000), nanoseconds: 0 },
    }),
    callers: new CallerTable(),
    effects,
    limits,
    clock,
    random,
    writeVerifier: random(VERIFIER_SIZE),
    records: recovery && { settle: () => recovery.flush() },
    turn,
    observer: log.level === "debug" ? logOperations(log, metrics) : metrics,
    log,
  };
}

/** The back channels and their metrics; `state` gets its delegation policy here. */
export function buildCallbacks(
  services: Services,
  options: ServeOptions,
  registry: MetricsRegistry,
): Callbacks {
  const { state, clock, random, log } = services;
  const { sessions } = state;
  const metrics = new BackchannelMetrics(registry);
  const callbacks = new Callbacks({
    state,
    random,
    log,
    delegations: options.delegations ?? true,
    keeper: { maxPerClient: services.limits.maxDelegationsPerClient },
    allowCallbackAddress: options.allowCallbackAddress,
    sender: { ...options.callbacks, observer: metrics },
    observer: new DelegationMetrics(registry),
  });
  metrics.watch(callbacks);
  sessions.observe(new SessionMetrics(registry, clock));
  sessions.observe(new ConnectionMetrics(registry));
  const stateLog = new StateLog(log);
  sessions.observe(stateLog);
  state.observeClients(stateLog);
  new SequenceMetrics(registry, sessions);
  return callbacks;
}

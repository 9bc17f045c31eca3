import { systemRandom } from "../base/clock.ts";
import { Jobs } from "../base/jobs.ts";
import { type Logger, silentLogger, unfailing } from "../base/log.ts";
import { rateLimited } from "../base/log_limit.ts";
import { every } from "../base/timers.ts";
import { LoopTurn, SLICE } from "../base/turn.ts";
import { systemWallClock } from "../base/wall_clock.ts";
import type { EngineObserver } from "../engine/observer.ts";
import { AttributeTable } from "../engine/attributes/attribute_table.ts";
import type { Services } from "../engine/services.ts";
import { BackchannelMetrics } from "../metrics/backchannel_metrics.ts";
import { observeBuffers } from "../metrics/buffer_metrics.ts";
import { DelegationMetrics } from "../metrics/delegation_metrics.ts";
import { observeJobs } from "../metrics/job_metrics.ts";
import { observeLog } from "../metrics/log_metrics.ts";
import { MetricsRegistry } from "../metrics/registry.ts";
import { TransportMetrics } from "../metrics/transport_metrics.ts";
import { VERIFIER_SIZE } from "../nfs4/constants.ts";
import { BufferBudget } from "../rpc/buffer_budget.ts";
import { listenTcp } from "../rpc/listen.ts";
import { CallTurns } from "../rpc/call_turns.ts";
import { RpcListener } from "../rpc/listener.ts";
import { Loopback } from "../rpc/loopback.ts";
import { acceptorOf } from "../rpc/transport.ts";
import { EffectQueue } from "../state/effects.ts";
import { ServerState } from "../state/server_state.ts";
import { CallerTable } from "../vfs/callers.ts";
import type { Export } from "../vfs/exports.ts";
import { Namespace } from "../vfs/namespace.ts";
import type { HasSharing } from "../vfs/sharing.ts";
import { Callbacks } from "./callbacks.ts";
import { CheckedFileSystems } from "./file_systems.ts";
import { checkedAllow, checkedRandom } from "./given_functions.ts";
import { buildHandlers } from "./handlers.ts";
import { completeLimits, type ServerLimits } from "./limits.ts";
import {
  courtesyOf,
  DEFAULT_FILE_SYSTEM_MS,
  DEFAULT_PORT,
  leaseOf,
  SWEEP_INTERVAL_MS,
  type TimedOptions,
} from "./options.ts";
import { MetricsPort } from "./metrics_port.ts";
import { OutsideChanges } from "./outside_changes.ts";
import { recover, type Recovered } from "./recovery.ts";
import { sharedBudgets } from "./shared_budgets.ts";
import { buildIntroduce, tellsRoot } from "./trust.ts";

// A phase takes what the one before it returns, so that no other order
// compiles; src/server/assemble.ts is the order.

const LOG_LINES_PER_MINUTE = 120;
/** RPC record besides the largest request: header and credential. */
const RPC_CALL_HEADER = 1_024;

/** What was asked of the server, with its defaults. */
export interface Settled {
  readonly options: TimedOptions;
  readonly limits: ServerLimits;
  /** The given log, with a limit to what one minute may bring. */
  readonly log: Logger;
  readonly registry: MetricsRegistry;
}

/** There are file systems, behind their checks. */
export interface Checked extends Settled {
  readonly fileSystems: CheckedFileSystems;
}

/** What an earlier start left is read. */
export interface Loaded extends Checked {
  readonly recovered: Recovered;
  /** Has the event loop look for input; none where the program may not connect to itself. */
  readonly loopback: Loopback | undefined;
}

/** There is state, which knows of the clients of an earlier start, and not yet of their sessions. */
export interface Remembering extends Loaded {
  readonly state: ServerState;
  readonly effects: EffectQueue;
  readonly jobs: Jobs;
  readonly turn: LoopTurn;
  readonly callTurns: CallTurns | undefined;
}

/** Clients can be called back: the state has its delegation policy and its lock notifier. */
export interface CallingBack extends Remembering {
  readonly callbacks: Callbacks;
}

/** All observers of clients and sessions listen. */
export interface Observed extends CallingBack {
  /** To be told of every operation. */
  readonly observer: EngineObserver;
}

/** Operations can be carried out: sessions of an earlier start are there again. */
export interface Answering extends Observed {
  readonly services: Services;
}

/** What changes behind the server's back can be told to clients. */
export interface Hearing extends Answering {
  readonly outside: OutsideChanges;
}

/** Connections are accepted. */
export interface Listening extends Hearing {
  readonly listener: RpcListener;
  /** Not open yet. */
  readonly metrics: MetricsPort;
  readonly address: { readonly hostname: string; readonly port: number };
  /** Its parts of what the process has once. */
  readonly budgets: readonly HasSharing[];
}

/** First: completes the options. Throws for limits that are none. */
export function settle(given: TimedOptions): Settled {
  const log = rateLimited(unfailing(given.log ?? silentLogger), {
    perMinute: LOG_LINES_PER_MINUTE,
    clock: given.clock,
  });
  const registry = new MetricsRegistry();
  observeLog(registry, log);
  const { random, allowCallbackAddress: allow } = given;
  const options = {
    ...given,
    random: random && checkedRandom(random),
    allowCallbackAddress: allow && checkedAllow(allow, log),
  };
  return { options, limits: completeLimits(options.limits), log, registry };
}

/** Puts the file systems behind their checks. */
export function checkFileSystems(
  settled: Settled,
  offered: readonly Export[],
): Checked {
  const { options, limits, log, registry } = settled;
  const fileSystems = new CheckedFileSystems(offered, {
    timeout: options.fileSystemTimeout ?? DEFAULT_FILE_SYSTEM_MS,
    maxOverdue: limits.maxOverdueCalls,
    maxUnderWay: limits.maxOperationsUnderWay,
    clock: options.clock,
    log,
    registry,
  });
  return { ...settled, fileSystems };
}

/** Reads what an earlier start left; rejects where that can't be read. */
export async function load(checked: Checked): Promise<Loaded> {
  const { fileSystems, options, log } = checked;
  // The server itself, which sweeps when it runs, is not there yet.
  const sweep = () => fileSystems.sweep();
  const endSweeps = every(options.clock, SWEEP_INTERVAL_MS, sweep);
  try {
    const recovered = await recover(fileSystems.exports, options, log);
    return {
      ...checked,
      recovered,
      loopback: await Loopback.open(options.clock),
    };
  } finally {
    endSweeps();
  }
}

/** Makes the state of all clients; the grace period begins. */
export function remember(loaded: Loaded): Remembering {
  const { options, limits, recovered, loopback, log, registry } = loaded;
  const { identity, clients, sessions } = recovered;
  const turn = new LoopTurn(SLICE, loopback && (() => loopback.look()));
  const callTurns = loopback && new CallTurns(() => loopback.look());
  const effects = new EffectQueue(turn);
  const jobs = new Jobs({ name: "deferred work", log });
  observeJobs(registry, jobs);
  const name = new TextEncoder().encode(
    // Two servers of one identity on two ports are not one server: no trunking.
    `${identity.name}:${options.port ?? DEFAULT_PORT}`,
  );
  const state = new ServerState({
    clock: options.clock,
    random: options.random ?? systemRandom,
    effects,
    identity: { majorId: name, scope: name },
    leaseMs: leaseOf(options),
    courtesyMs: courtesyOf(options),
    grace: clients?.grace,
    sessionStore: sessions?.recovery,
    keepsForRoot: tellsRoot(loaded.fileSystems.exports),
    limits,
  });
  clients?.watch(state);
  return { ...loaded, state, effects, jobs, turn, callTurns };
}

/** Gives the state its ways to call clients back. */
export function callBack(remembering: Remembering): CallingBack {
  const { state, options, limits, log, registry, callTurns } = remembering;
  const metrics = new BackchannelMetrics(registry);
  const callbacks = new Callbacks({
    state,
    random: options.random ?? systemRandom,
    log,
    callTurns,
    delegations: options.delegations ?? true,
    keeper: { maxPerClient: limits.maxDelegationsPerClient },
    allowCallbackAddress: options.allowCallbackAddress,
    sender: { ...options.callbacks, observer: metrics },
    observer: new DelegationMetrics(registry),
  });
  metrics.watch(callbacks);
  return { ...remembering, callbacks };
}

/**
 * Makes what an operation may use, and brings the sessions of an earlier start
 * back: their observers hear of each.
 */
export function restore(observed: Observed): Answering {
  const { options, limits, log, fileSystems, recovered } = observed;
  const { state, effects, jobs, turn, observer } = observed;
  const { clock, random = systemRandom } = options;
  const { identity, clients, sessions } = recovered;
  const namespace = new Namespace(fileSystems.exports, {
    handleKey: identity.handleKey,
    time: { seconds: Math.floor(systemWallClock() / 1000), nanoseconds: 0 },
  });
  const { leaseMs } = state.lease;
  const services: Services = {
    state,
    namespace,
    attributes: new AttributeTable({ namespace, limits, leaseMs }),
    callers: new CallerTable(),
    effects,
    jobs,
    limits,
    clock,
    wallClock: systemWallClock,
    random,
    writeVerifier: random(VERIFIER_SIZE),
    records: clients,
    turn,
    observer,
    log,
  };
  sessions?.recovery.restore(state, sessions.kept);
  return { ...observed, services };
}

/** Makes what hears of changes which no client made; file systems are not listened to yet. */
export function hear(answering: Answering): Hearing {
  const { fileSystems, callbacks, log, services } = answering;
  const { namespace } = services;
  const outside = new OutsideChanges({
    fileSystems,
    namespace,
    callbacks,
    log,
  });
  return { ...answering, outside };
}

/** Last: accepts connections. Throws what the host does for an address that can't be listened on. */
export function listen(hearing: Hearing): Listening {
  const { options, limits, log, registry } = hearing;
  const { fileSystems, state, services, callbacks, turn, callTurns } = hearing;
  const { clock, hostname = "127.0.0.1", port = DEFAULT_PORT } = options;
  const keepsForRoot = tellsRoot(fileSystems.exports);
  const budget = new BufferBudget({
    limit: limits.maxBufferBytes,
    step: limits.maxReply,
    keepsForRoot,
  });
  observeBuffers(registry, budget);
  const socket = listenTcp(hostname, port);
  const address = socket.addr;
  const metrics = new MetricsPort({
    hostname: address.hostname,
    registry,
    turn,
    unready: () => state.grace.isActive ? "in the grace period" : undefined,
    limits,
    clock,
    logger: log,
  });
  const listener = new RpcListener({
    budget,
    turn,
    callTurns,
    acceptor: acceptorOf(socket),
    maxRecord: limits.maxRequest + RPC_CALL_HEADER,
    maxConnections: limits.maxConnections,
    maxPerAddress: limits.maxConnectionsPerAddress,
    maxCalls: limits.maxRequestsPerConnection,
    clock,
    handlers: buildHandlers(services, callbacks, hearing.recovered.lastServer),
    spare: () => metrics.spare(),
    hurry: (ms) => fileSystems.hurry(ms),
    introduce: buildIntroduce(fileSystems.exports, { clock, log }),
    keepsForRoot,
    observer: new TransportMetrics(registry),
    logger: log,
  });
  const budgets = sharedBudgets(limits, {
    given: options.limits,
    state: state.budget,
    buffers: budget,
  });
  return { ...hearing, listener, metrics, address, budgets };
}

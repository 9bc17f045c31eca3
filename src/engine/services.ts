import type { Jobs } from "../base/jobs.ts";
import type { Logger } from "../base/log.ts";
import type { Settler } from "../rpc/reliance.ts";
import type { Clock, RandomBytes } from "../base/clock.ts";
import type { WallClock } from "../base/wall_clock.ts";
import type { EffectQueue } from "../state/effects.ts";
import type { ServerState } from "../state/server_state.ts";
import type { Turn } from "../base/turn.ts";
import type { AttributeTable } from "./attributes/attribute_table.ts";
import type { CallerTable } from "../vfs/callers.ts";
import type { Namespace } from "../vfs/namespace.ts";
import type { ProtocolLimits } from "./limits.ts";
import type { EngineObserver } from "./observer.ts";

/** The records of the clients that may reclaim after a restart. */
export interface ClientRecords extends Settler {
  /** Whether a client may be found on record after a crash that has none any more. */
  readonly isForgetting: boolean;
}

/** What an operation may use. Put together by `src/server/phases.ts`. */
export interface Services {
  /** Clients, sessions, opens, locks. */
  readonly state: ServerState;
  /** Exports and filehandles. */
  readonly namespace: Namespace;
  /** How their attributes are asked for and written. */
  readonly attributes: AttributeTable;
  /** AUTH_SYS credentials, squashed. */
  readonly callers: CallerTable;
  /** Slow work left by the state. */
  readonly effects: EffectQueue;
  /** Where it goes on. */
  readonly jobs: Jobs;
  /** What a request may ask for. */
  readonly limits: ProtocolLimits;
  readonly clock: Clock;
  /** By which files are dated. */
  readonly wallClock: WallClock;
  readonly random: RandomBytes;
  /** What `writeVerifierOf` begins with: another one after each start. 8 bytes. */
  readonly writeVerifier: Uint8Array;
  /** Rations long answers; left out where no other work waits. */
  readonly turn: Turn | undefined;
  /** Is told of every operation. */
  readonly observer: EngineObserver | undefined;
  /** What grants rely on; none where it ends with the server. */
  readonly records: ClientRecords | undefined;
  /** For what an operator should know. */
  readonly log: Logger;
}

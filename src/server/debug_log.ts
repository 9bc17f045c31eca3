import type { EngineObserver } from "../engine/observer.ts";
import { statusName } from "../engine/status.ts";
import type { Logger } from "../base/log.ts";
import { endpointText } from "../rpc/transport.ts";
import type { FileRef } from "../vfs/file_handle.ts";
import type { Client } from "../state/client.ts";
import type {
  ClientEnd,
  ClientObserver,
  SessionEnd,
  SessionObserver,
} from "../state/observers.ts";
import type { Session } from "../state/session.ts";

/** Passes on what the engine does, and writes a line an operation. */
export function logOperations(
  log: Logger,
  next: EngineObserver,
): EngineObserver {
  return {
    operation(row, context, outcome) {
      next.operation(row, context, outcome);
      const { minorVersion, connection, credential, current: file } = context;
      const { status, milliseconds } = outcome;
      log.debug("operation", {
        operation: row.name,
        status: statusName(status),
        ...(milliseconds !== undefined && {
          ms: Number(milliseconds.toFixed(3)),
        }),
        version: `4.${minorVersion}`,
        peer: endpointText(connection.peer),
        uid: credential.user?.uid ?? "none",
        ...(file !== undefined && {
          export: file.export.path,
          file: shortHandle(file),
        }),
      });
    },
  };
}

/** Writes a line for each client and session that comes or goes. */
export class StateLog implements ClientObserver, SessionObserver {
  readonly #log: Logger;

  /** What is written is of level debug. */
  constructor(log: Logger) {
    this.#log = log;
  }

  /** {@inheritDoc ClientObserver.clientConfirmed} */
  clientConfirmed(client: Client): void {
    this.#log.debug("client confirmed", clientFields(client));
  }

  /** {@inheritDoc ClientObserver.clientGone} */
  clientGone(client: Client, reason: ClientEnd): void {
    this.#log.debug("client gone", { ...clientFields(client), reason });
  }

  /** {@inheritDoc SessionObserver.sessionCreated} */
  sessionCreated(session: Session): void {
    this.#log.debug("session created", sessionFields(session));
  }

  /** {@inheritDoc SessionObserver.sessionDestroyed} */
  sessionDestroyed(session: Session, reason: SessionEnd): void {
    this.#log.debug("session destroyed", { ...sessionFields(session), reason });
  }

  /** {@inheritDoc SessionObserver.backchannelLost} */
  backchannelLost(session: Session): void {
    this.#log.debug("backchannel lost", sessionFields(session));
  }

  /** {@inheritDoc SessionObserver.backchannelRegained} */
  backchannelRegained(session: Session): void {
    this.#log.debug("backchannel regained", sessionFields(session));
  }
}

/** Enough of a filehandle to tell files apart: of its end, which is as good as random. */
function shortHandle({ handle }: FileRef): string {
  return handle.subarray(-4).toHex();
}

function clientFields({ id, owner, protocol }: Client): Record<string, string> {
  return {
    client: id.toString(16),
    // Most clients call themselves something that people can read.
    name: new TextDecoder().decode(owner.subarray(0, 128)),
    version: protocol === 0 ? "4.0" : "4.1+",
  };
}

function sessionFields({ client, id }: Session): Record<string, string> {
  return { client: client.id.toString(16), session: id.toHex() };
}

import type { Awaitable } from "../base/awaitable.ts";
import { NFS_PROGRAM, NFS_VERSION } from "../nfs4/constants.ts";
import type { Connection } from "../rpc/handlers.ts";
import { AcceptStatus, progMismatch, type RpcCall } from "../rpc/message.ts";
import type { XdrWriter } from "../xdr/writer.ts";
import { compound } from "./compound.ts";
import type { Services } from "./services.ts";

const Procedure = { NULL: 0, COMPOUND: 1 } as const;

/** The NFS program (RFC 8881 16): the NULL and COMPOUND procedures of version 4. */
export class NfsProgram {
  readonly #services: Services;
  readonly #claim: () => Promise<void> | undefined;

  /** `claim` is asked before each COMPOUND, which waits for it: only those grant or change something. */
  constructor(
    services: Services,
    claim: () => Promise<void> | undefined = () => undefined,
  ) {
    this.#services = services;
    this.#claim = claim;
  }

  /** Answers a call, as `RpcHandlers.call` says. */
  call(
    call: RpcCall,
    results: XdrWriter,
    connection: Connection,
  ): Awaitable<AcceptStatus> {
    if (call.program !== NFS_PROGRAM) return AcceptStatus.PROG_UNAVAIL;
    if (call.version !== NFS_VERSION) {
      return progMismatch(results, NFS_VERSION, NFS_VERSION);
    }
    switch (call.procedure) {
      case Procedure.NULL:
        return AcceptStatus.SUCCESS;
      case Procedure.COMPOUND: {
        const claimed = this.#claim();
        return claimed === undefined
          ? this.#compound(call, results, connection)
          : claimed.then(() => this.#compound(call, results, connection));
      }
      default:
        return AcceptStatus.PROC_UNAVAIL;
    }
  }

  #compound(
    call: RpcCall,
    reply: XdrWriter,
    connection: Connection,
  ): Awaitable<AcceptStatus> {
    const { duplicates } = this.#services.state;
    const done = compound(this.#services, call, {
      reply,
      connection,
      duplicates,
    });
    return done instanceof Promise
      ? done.then(() => AcceptStatus.SUCCESS)
      : AcceptStatus.SUCCESS;
  }
}

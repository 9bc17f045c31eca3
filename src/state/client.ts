import { ClientStates } from "./client_states.ts";
import type { Session } from "./session.ts";

/** A client as the server knows it, of NFSv4.0 (SETCLIENTID) or later (EXCHANGE_ID). */
export class Client {
  /** clientid4. */
  readonly id: bigint;
  /** 0, or 1 for NFSv4.1 and 4.2: fixed by how it registered. */
  readonly protocol: 0 | 1;
  /** nfs_client_id4.id or co_ownerid. */
  readonly owner: Uint8Array;
  /** Verifier of the client's incarnation, 8 bytes. */
  verifier: Uint8Array;
  /** Key of the principal that registered it (see principal.ts). */
  readonly principal: string;
  /** Whether SETCLIENTID_CONFIRM or CREATE_SESSION has come. */
  confirmed = false;
  /** Clock time in milliseconds of the last renewal of its lease. */
  renewedAt: number;
  /** Whether it sent RECLAIM_COMPLETE for all file systems. */
  reclaimComplete = false;
  /** Its sessions (NFSv4.1). */
  readonly sessions = new Set<Session>();
  /** Its opens, locks and delegations. */
  readonly states = new ClientStates();

  constructor(
    options: Pick<
      Client,
      "id" | "protocol" | "owner" | "verifier" | "principal" | "renewedAt"
    >,
  ) {
    this.id = options.id;
    this.protocol = options.protocol;
    this.owner = options.owner;
    this.verifier = options.verifier;
    this.principal = options.principal;
    this.renewedAt = options.renewedAt;
  }
}

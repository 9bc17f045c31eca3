/** What a request may ask for. Sizes in bytes. */
export interface ProtocolLimits {
  /** Largest RPC record that is accepted, and offered as ca_maxrequestsize. */
  readonly maxRequest: number;
  /** Largest reply, offered as ca_maxresponsesize. */
  readonly maxReply: number;
  /** Largest READ (maxread attribute). */
  readonly maxRead: number;
  /** Largest WRITE (maxwrite attribute). */
  readonly maxWrite: number;
  /** Operations in a COMPOUND. */
  readonly maxOperations: number;
  /** Largest reply kept for replay, offered as ca_maxresponsesize_cached. */
  readonly maxCachedReply: number;
  /** Slots of a session's fore channel. */
  readonly maxSlots: number;
  /** Sessions of a client. */
  readonly maxSessionsPerClient: number;
  /**
   * Connections that are bound to a session; beyond it the one that was silent for
   * longest is unbound, until a SEQUENCE comes on it.
   */
  readonly maxConnectionsPerSession: number;
  /** Clients, confirmed or not. */
  readonly maxClients: number;
  /** Opens of a client. */
  readonly maxOpensPerClient: number;
  /** Byte-range locks of a client, and lock stateids, which outlive their locks. */
  readonly maxLocksPerClient: number;
  /** Delegations of a client; beyond it opens come without. */
  readonly maxDelegationsPerClient: number;
  /** Blocking locks of a client that have a place in line (RFC 8881 9.6); others are denied without. */
  readonly maxWaitingLocksPerClient: number;
  /** Blocking locks of a file that have a place in line. */
  readonly maxWaitingLocksPerFile: number;
  /** Copies of a client that go on behind their answers; further ones are answered when some is done. */
  readonly maxCopiesPerClient: number;
  /** The same of all clients. */
  readonly maxCopies: number;
}

/** 1 MiB of data with room for the headers around it. */
export const defaultLimits: ProtocolLimits = {
  maxRequest: 1_052_672,
  maxReply: 1_052_672,
  maxRead: 1_048_576,
  maxWrite: 1_048_576,
  maxOperations: 64,
  maxCachedReply: 8_192,
  maxSlots: 64,
  maxSessionsPerClient: 16,
  maxConnectionsPerSession: 64,
  maxClients: 10_000,
  maxOpensPerClient: 100_000,
  maxLocksPerClient: 100_000,
  maxDelegationsPerClient: 10_000,
  maxWaitingLocksPerClient: 1_024,
  maxWaitingLocksPerFile: 256,
  maxCopiesPerClient: 16,
  maxCopies: 64,
};

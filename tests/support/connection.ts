import { partyOf } from "../../src/rpc/party.ts";
import type { Connection } from "../../src/rpc/handlers.ts";

/** A connection that takes nothing and is at an end of its own; a test changes what it is about. */
export function testConnection(changes: Partial<Connection> = {}): Connection {
  const { peer = { hostname: "127.0.0.1", port: 700 } } = changes;
  return {
    peer,
    party: partyOf(peer),
    local: { hostname: "127.0.0.1", port: 2049 },
    closeReason: undefined,
    isHalfClosed: false,
    hasAnswered: true,
    hasRoom: () => true,
    sendCall: () => false,
    upgrade: () => {},
    ...changes,
  };
}

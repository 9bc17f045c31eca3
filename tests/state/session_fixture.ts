/** Clients of a server's state, and sessions of theirs. */
import type { Client } from "../../src/state/client.ts";
import type { Session } from "../../src/state/session.ts";
import type { StateFixture } from "./fixture.ts";

const CHANNEL = {
  maxRequestSize: 4_096,
  maxResponseSize: 4_096,
  maxResponseSizeCached: 4_096,
  maxOperations: 8,
  maxRequests: 8,
};

/** A confirmed client; another for each owner. */
export function clientOf(fixture: StateFixture, owner = 1): Client {
  const client = fixture.state.clients.register({
    protocol: 1,
    owner: new Uint8Array([owner]),
    verifier: new Uint8Array(8),
    principal: "sys:0",
  })!;
  fixture.state.confirmClient(client);
  return client;
}

/** A session of it. */
export function sessionOf(fixture: StateFixture, client: Client): Session {
  const session = fixture.state.sessions.create(client, {
    minorVersion: 1,
    fore: CHANNEL,
    back: CHANNEL,
    callback: { program: 1, credential: { flavor: 0 } },
  });
  if (typeof session === "number") throw new Error(`${session}`);
  return session;
}

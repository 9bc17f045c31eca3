/** Servers with delegations, made by the public factory, and strict clients that hold and want them. */

import { assert } from "@std/assert";
import { Share, Status } from "../../src/nfs4/constants.ts";
import {
  type CompoundReply,
  op,
  type OpenedFile,
  openRequests,
  openSession,
  type OpenSessionOptions,
  type Request,
  type Session,
  type SessionCompoundOptions,
  type Stateid,
} from "../support/client/mod.ts";
import {
  startServer,
  type TestServer,
  type TestServerOptions,
} from "../support/server.ts";

/** A delegation in a test's hands. */
export interface Held {
  readonly file: OpenedFile;
  readonly type: "read" | "write";
  readonly stateid: Stateid;
}

/** Waits until `look` finds something; two seconds at most. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  for (let i = 0; i < 400; i++) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`never came: ${what}`);
}

/** A server and its clients, each on a connection of its own. */
export class Fixture implements AsyncDisposable {
  readonly server: TestServer;
  readonly #sessions: Session[] = [];

  private constructor(server: TestServer) {
    this.server = server;
  }

  /** A server with the files f and g. */
  static async open(options: TestServerOptions = {}): Promise<Fixture> {
    return new Fixture(
      await startServer({
        tree: { f: "text", g: "text" },
        metricsPort: 0,
        callbacks: { replyTimeout: 200, backoff: [10] },
        ...options,
      }),
    );
  }

  /** A new client with a session; CREATE_SESSION is all that it says about callbacks. */
  async session(options: Partial<OpenSessionOptions> = {}): Promise<Session> {
    const { port } = this.server;
    const session = await openSession({ port, ...options });
    this.#sessions.push(session);
    return session;
  }

  /** What `/metrics` says, by name and labels without the prefix. */
  async metrics(): Promise<Map<string, number>> {
    const { metricsPort } = this.server.server;
    const answer = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    const values = new Map<string, number>();
    for (const line of (await answer.text()).split("\n")) {
      const match = /^dittofs_nfs_(\S+) (\S+)$/.exec(line);
      if (match) values.set(match[1]!, Number(match[2]));
    }
    return values;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) {
      await session[Symbol.asyncDispose]();
    }
    await this.server[Symbol.asyncDispose]();
    for (const { client: { callbacks } } of this.#sessions) {
      callbacks.assertClean();
    }
  }
}

/** Opens a file until a delegation comes with it: the first OPEN may be faster than the path is proven. */
export function hold(
  session: Pick<Session, "open">,
  name: string,
  access: number = Share.ACCESS_READ,
): Promise<Held> {
  return eventually(`a delegation of ${name}`, async () => {
    const file = await session.open([name], { access });
    const { delegation } = file;
    if (delegation.type !== "read" && delegation.type !== "write") return;
    return { file, type: delegation.type, stateid: delegation.stateid };
  });
}

/** Whether an OPEN gets a delegation now. */
export async function isDelegated(
  session: Pick<Session, "open">,
  name: string,
): Promise<boolean> {
  const options = { access: Share.ACCESS_READ };
  const { delegation } = await session.open([name], options);
  return delegation.type === "read" || delegation.type === "write";
}

/** DELEGRETURN. */
export async function giveBack(
  session: { compound(ops: readonly Request[]): Promise<CompoundReply> },
  { file, stateid }: Held,
): Promise<void> {
  await session.compound([op.putfh(file.filehandle), op.delegreturn(stateid)]);
}

/** An OPEN for writing, once. */
export function write(
  session: Session,
  name: string,
  options: SessionCompoundOptions = {},
): Promise<CompoundReply> {
  const { clientid } = session.client;
  const access = Share.ACCESS_WRITE;
  return session.expectStatus(
    [Status.OK, Status.DELAY],
    openRequests([name], { access, clientid, owner: "writer" }),
    options,
  );
}

/** Repeats a request for as long as it is put off. */
export function proceed(
  attempt: () => Promise<CompoundReply>,
): Promise<CompoundReply> {
  return eventually("the end of NFS4ERR_DELAY", async () => {
    const reply = await attempt();
    return reply.status !== Status.DELAY && reply;
  });
}

/** Waits for the recall of a delegation; its client says nothing but the reply. */
export async function recalled(session: Session, held: Held): Promise<void> {
  await eventually(
    "the recall",
    () =>
      session.client.callbacks.recalls.some(({ stateid }) =>
        String(stateid.other) === String(held.stateid.other)
      ),
  );
}

/** A conflict from its beginning to its end: put off, recalled, returned, done. */
export async function resolveConflict(
  holder: Session,
  held: Held,
  attempt: () => Promise<CompoundReply>,
): Promise<void> {
  const first = await attempt();
  assert(first.status === Status.DELAY, `status ${first.status}`);
  await recalled(holder, held);
  await giveBack(holder, held);
  const { status } = await proceed(attempt);
  assert(status === Status.OK, `status ${status}`);
}

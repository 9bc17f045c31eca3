/** Delegations of a server without sockets: what is said to clients goes to the test. */
import type { CallbackRequest } from "../../src/backchannel/callback_request.ts";
import type { CallbackRouter } from "../../src/backchannel/router.ts";
import {
  DelegationKeeper,
  type DelegationKeeperOptions,
} from "../../src/delegations/delegation_keeper.ts";
import type { Status } from "../../src/nfs4/constants.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import { op } from "../support/client/mod.ts";
import { type StateClient, StateFixture } from "../engine/state_fixture.ts";

/** What a keeper holds in the end. */
export const NOTHING_HELD = {
  ...{ recalls: 0, timers: 0, queries: 0, notices: 0, surplus: 0 },
};

/** A server that grants, and a way to clients that the test is. */
export function start(
  options: Partial<DelegationKeeperOptions> & {
    readonly graceMs?: number;
    readonly readOnly?: boolean;
    readonly hide?: readonly string[];
    readonly fs?: FileSystem;
    readonly tree?: Readonly<Record<string, string>>;
  } = {},
) {
  const { graceMs, readOnly, hide, fs, ...others } = options;
  const { tree = { file: "content", more: "" }, ...rest } = others;
  const fixture = new StateFixture({ tree, fs, graceMs, readOnly, hide });
  const { state } = fixture.services;
  const way = {
    isProven: true,
    /** Whether the session has room. */
    hasRoom: true,
    sent: [] as CallbackRequest[],
  };
  const router = {
    isProven: () => way.isProven,
    send(_client, request) {
      way.sent.push(request);
      return { tryAnew: () => {} };
    },
    sendOver(_session, request) {
      if (way.hasRoom) way.sent.push(request);
      else request.done({ kind: "full" });
    },
  } as Pick<
    CallbackRouter,
    "isProven" | "send" | "sendOver"
  > as CallbackRouter;
  const keeper = new DelegationKeeper({
    state,
    router,
    ...rest,
  });
  state.files.policy = keeper;
  return { fixture, state, keeper, way, clock: fixture.clock };
}

/** What OPEN says about a delegation; each owner opens once. */
export async function delegationOf(
  client: StateClient,
  access: number,
  name = "file",
) {
  const { delegation } = await client.ok(
    "OPEN",
    op.putrootfh(),
    client.openOp(name, { access, owner: `owner ${access} ${name}` }),
  );
  return delegation.type === "none_ext"
    ? `none_ext ${delegation.why}`
    : delegation.type;
}

/** Opens for reading, with a delegation. */
export async function readDelegation(client: StateClient, name = "file") {
  const { delegation } = await client.ok(
    "OPEN",
    op.putrootfh(),
    client.openOp(name, { access: 0x101 }),
  );
  if (delegation.type !== "read") throw new Error(delegation.type);
  return delegation.stateid;
}

/** Answers CB_RECALL. */
export function answer(request: CallbackRequest, status: number): void {
  request.done({
    kind: "answered",
    results: [{ status: status as typeof Status.OK }],
  });
}

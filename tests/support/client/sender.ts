/** Sends a COMPOUND and holds its status against what the test expects. */

import { Status } from "../../../src/nfs4/constants.ts";
import {
  type CompoundReply,
  type CompoundRequest,
  NfsError,
  readCompound,
  writeCompound,
} from "./compound.ts";
import type { CallOptions, ClientConnection } from "./connection.ts";
import type { Component } from "./request.ts";
import { RpcError, type RpcOutcome } from "./rpc.ts";

/** What a COMPOUND may end with; NFS4_OK unless given. */
export type Expectation = number | readonly number[] | "any";

/** How a COMPOUND is sent and judged. */
export interface CompoundOptions extends CallOptions {
  readonly tag?: Component | undefined;
  readonly expect?: Expectation | undefined;
  /** Length of argarray where it is to be wrong. */
  readonly operationCount?: number | undefined;
}

/** Sends it; `learn` sees the reply before anything that comes behind it is read. */
export async function sendCompound(
  connection: ClientConnection,
  compound: CompoundRequest,
  options: CompoundOptions & {
    readonly learn?: ((reply: CompoundReply) => void) | undefined;
  } = {},
): Promise<CompoundReply> {
  const read = (outcome: RpcOutcome) => {
    if (outcome.kind !== "success") throw new RpcError(outcome);
    const reply = readCompound(outcome.body, compound);
    options.learn?.(reply);
    return reply;
  };
  const reply = await connection.call(
    1,
    (xdr) => writeCompound(xdr, compound),
    { ...options, read },
  );
  judge(reply, options.expect ?? Status.OK);
  return reply;
}

function judge(reply: CompoundReply, expect: Expectation): void {
  if (expect === "any") return;
  const expected = typeof expect === "number" ? [expect] : expect;
  if (!expected.includes(reply.status)) throw new NfsError(reply, expected);
}

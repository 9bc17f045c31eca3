import type { Awaitable } from "../base/awaitable.ts";
import { inTurns } from "../base/turn.ts";
import { type MinorVersion, Status } from "../nfs4/constants.ts";
import type { Connection } from "../rpc/handlers.ts";
import type { RpcCall } from "../rpc/message.ts";
import type { DuplicateRequests } from "../state/duplicate_requests.ts";
import type { XdrWriter } from "../xdr/writer.ts";
import { CompoundRun } from "./compound_run.ts";
import { CompoundContext } from "./context.ts";
import { reserveReply } from "./reserve_reply.ts";
import type { Services } from "./services.ts";

/** Longest tag that is taken (and echoed), in bytes. */
const MAX_TAG = 1024;
/** The largest minor version that is spoken. */
const LAST_MINOR_VERSION = 2;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Where a COMPOUND comes from, and where its answer goes. */
export interface CompoundOptions {
  /** Takes the COMPOUND4res. */
  readonly reply: XdrWriter;
  /** The connection it came on. */
  readonly connection: Connection;
  /** Answers to NFSv4.0 requests that may come again. */
  readonly duplicates?: DuplicateRequests;
}

/**
 * Carries out a COMPOUND (RFC 8881 16.2): writes the COMPOUND4res to `reply`.
 * Synchronous as long as the operations are; XdrError when the arguments before
 * the operations can't be read.
 */
export function compound(
  services: Services,
  call: RpcCall,
  options: CompoundOptions,
): Awaitable<void> {
  const { reply, connection, duplicates } = options;
  // RFC 7530 3.1.1: a client without a session sends again under the same xid.
  const known = duplicates?.find(call, connection);
  if (known === undefined) return carryOutAll(services, call, options);
  if (!(known instanceof Promise)) return reply.raw(known);
  const turns = { turn: services.turn, who: connection };
  return inTurns(turns, known, (answer) => {
    if (answer === undefined) return carryOutAll(services, call, options);
    const parts = { reply, connection, start: reply.position };
    if (reserveReply(parts, answer.length)) return reply.raw(answer);
    reply.uint32(Status.DELAY);
    reply.opaque(call.body.opaque(MAX_TAG));
    reply.uint32(0);
  });
}

function carryOutAll(
  services: Services,
  call: RpcCall,
  { reply, connection, duplicates }: CompoundOptions,
): Awaitable<void> {
  const { body } = call;
  const argumentsAt = body.position;
  const tag = body.opaque(MAX_TAG);
  const minorVersion = body.uint32();
  const count = body.uint32();
  const start = reply.position;
  reply.uint32(Status.OK);
  reply.opaque(tag);
  reply.uint32(0);
  if (minorVersion > LAST_MINOR_VERSION) {
    reply.patchUint32(start, Status.MINOR_VERS_MISMATCH);
    return;
  }
  // RFC 7530 14.2.3, RFC 8881 16.2.3: the tag is UTF-8.
  if (!isUtf8(tag)) {
    reply.patchUint32(start, Status.INVAL);
    return;
  }
  const context = new CompoundContext({
    services,
    connection,
    credential: call.credential,
    replyOverhead: call.seal.headerSize + call.seal.overhead,
    minorVersion: minorVersion as MinorVersion,
    request: body,
    reply,
  });
  context.xid = call.xid;
  context.operationCount = count;
  context.replyStart = start;
  const run = new CompoundRun(context, { call, countAt: reply.position - 4 });
  if (minorVersion === 0 && duplicates !== undefined) {
    run.origin = { call, argumentsAt, duplicates };
  }
  return run.run();
}

function isUtf8(bytes: Uint8Array): boolean {
  if (bytes.every((byte) => byte < 0x80)) return true;
  try {
    utf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

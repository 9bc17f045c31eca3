/** RPC around a callback: which calls get past the header, and the replies. */

import { XdrWriter } from "../../../src/xdr/writer.ts";
import type { CallbackHeader } from "./callback_wire.ts";
import { AuthStat, MessageType } from "./rpc.ts";

/** A refusal of the RPC layer with the fault that it stands for. */
export interface RpcRefusal {
  readonly reply: Uint8Array;
  readonly violation: string;
}

/** A successful reply: XID, REPLY, MSG_ACCEPTED, AUTH_NONE, SUCCESS, results. */
export function successReply(
  xid: number,
  results: Uint8Array = new Uint8Array(),
): Uint8Array {
  return reply(xid, (xdr) => {
    for (const field of [0, 0, 0, 0]) xdr.uint32(field);
    xdr.raw(results);
  });
}

/** MSG_ACCEPTED with an accept_stat that is not SUCCESS. */
export function acceptedReply(
  xid: number,
  stat: number,
  versions?: readonly [number, number],
): Uint8Array {
  return reply(xid, (xdr) => {
    for (const field of [0, 0, 0, stat]) xdr.uint32(field);
    for (const version of versions ?? []) xdr.uint32(version);
  });
}

/** MSG_DENIED, AUTH_ERROR. */
export function deniedReply(xid: number, why: number): Uint8Array {
  return reply(xid, (xdr) => {
    for (const field of [1, 1, why]) xdr.uint32(field);
  });
}

/** XID and REPLY with anything behind. */
export function reply(
  xid: number,
  rest: (xdr: XdrWriter) => void,
): Uint8Array {
  const xdr = new XdrWriter();
  xdr.uint32(xid);
  xdr.uint32(MessageType.REPLY);
  rest(xdr);
  return xdr.slice();
}

/** Refuses what Linux refuses before it looks at the arguments; `takesNone` where AUTH_NONE was asked for. */
export function refuseHeader(
  header: CallbackHeader,
  { programs, takesNone }: {
    readonly programs: ReadonlySet<number>;
    readonly takesNone: boolean;
  },
): RpcRefusal | undefined {
  const { xid } = header;
  if (header.rpcVersion !== 2) {
    return {
      reply: reply(xid, (xdr) => {
        for (const field of [1, 0, 2, 2]) xdr.uint32(field);
      }),
      violation: `RPC version ${header.rpcVersion}`,
    };
  }
  if (!header.verifierIsNone) {
    return {
      reply: deniedReply(xid, AuthStat.BADVERF),
      violation: "verifier is not AUTH_NONE",
    };
  }
  if (!programs.has(header.program)) {
    return {
      reply: acceptedReply(xid, 1),
      violation: `program ${header.program}`,
    };
  }
  // RFC 8881 19: the callback program has version 1.
  if (header.version !== 1) {
    return {
      reply: acceptedReply(xid, 2, [1, 1]),
      violation: `version ${header.version} of the callback program`,
    };
  }
  if (header.procedure > 1) {
    return {
      reply: acceptedReply(xid, 3),
      violation: `procedure ${header.procedure}`,
    };
  }
  // Linux takes AUTH_NONE for CB_NULL and for nothing else.
  const isNone = header.credential.flavor === "none";
  if (isNone && header.procedure === 1 && !takesNone) {
    return {
      reply: deniedReply(xid, AuthStat.TOOWEAK),
      violation: "CB_COMPOUND with AUTH_NONE",
    };
  }
  if (header.credential.flavor === "other") {
    return {
      reply: deniedReply(xid, AuthStat.BADCRED),
      violation: `credential of flavor ${header.credential.number}`,
    };
  }
  return undefined;
}

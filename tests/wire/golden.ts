/**
 * Records that a Linux 6.1 client and Linux 6.1's own server exchanged: each
 * sequence of operations and results once, for each minor version.
 */

import { XdrReader } from "../../src/xdr/reader.ts";
import {
  type CallbackHeader,
  readCallbackHeader,
} from "../support/client/callback_wire.ts";
import { unhex } from "../support/client/names.ts";
import v40 from "./golden/v40.json" with { type: "json" };
import v41 from "./golden/v41.json" with { type: "json" };
import v42 from "./golden/v42.json" with { type: "json" };

/** A call and its reply. */
export interface Exchange {
  readonly minorVersion: 0 | 1 | 2;
  /** "server" for callbacks. */
  readonly caller: string;
  /** What was going on: locks, deleg, tour. */
  readonly capture: string;
  readonly xid: number;
  readonly header: CallbackHeader;
  /** The record, mark not included. */
  readonly call: Uint8Array;
  /** Where the arguments begin in `call`. */
  readonly argsAt: number;
  readonly reply: Uint8Array;
}

interface GoldenRecord {
  readonly from: string;
  readonly xid: number;
  readonly capture: string;
  readonly bytes: string;
}

function pair(
  records: readonly GoldenRecord[],
  minorVersion: 0 | 1 | 2,
): Exchange[] {
  const exchanges: Exchange[] = [];
  for (let i = 0; i < records.length; i += 2) {
    const call = records[i]!;
    const reply = records[i + 1]!;
    const bytes = unhex(call.bytes);
    const xdr = new XdrReader(bytes);
    const header = readCallbackHeader(xdr);
    exchanges.push({
      minorVersion,
      caller: call.from,
      capture: call.capture,
      xid: call.xid,
      header,
      call: bytes,
      argsAt: xdr.position,
      reply: unhex(reply.bytes),
    });
  }
  return exchanges;
}

/** All exchanges. */
export const exchanges: readonly Exchange[] = [
  ...pair(v40, 0),
  ...pair(v41, 1),
  ...pair(v42, 2),
];

/** The COMPOUNDs of the clients. */
export const compounds: readonly Exchange[] = exchanges.filter((exchange) =>
  exchange.caller === "client" && exchange.header.procedure === 1
);

/** The callbacks of the server. */
export const callbacks: readonly Exchange[] = exchanges.filter((exchange) =>
  exchange.caller === "server"
);

/** "4.1 deleg-4.1-holder 0x1234", for the message of a failed test. */
export function describeExchange(exchange: Exchange): string {
  return `${exchange.capture} XID 0x${exchange.xid.toString(16)}`;
}

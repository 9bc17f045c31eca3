import { assert, assertEquals, assertThrows } from "@std/assert";
import { OPERATIONS } from "../../src/engine/op_table.ts";
import type { MinorVersion } from "../../src/nfs4/constants.ts";
import { XdrError } from "../../src/xdr/error.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { compounds, describeExchange, type Exchange } from "./golden.ts";

/** Reads the arguments of every operation as the server does; returns their names. */
function decode(xdr: XdrReader): string[] {
  xdr.opaque(1024);
  const minorVersion = xdr.uint32() as MinorVersion;
  const count = xdr.uint32();
  const names: string[] = [];
  for (let i = 0; i < count; i++) {
    const row = OPERATIONS[xdr.uint32()];
    assert(row, "operation without a row");
    assert(row.since <= minorVersion, `${row.name} in 4.${minorVersion}`);
    row.operation.decode(xdr, minorVersion);
    names.push(row.name);
  }
  return names;
}

function argumentsOf(exchange: Exchange, end?: number): XdrReader {
  return new XdrReader(exchange.call, exchange.argsAt, end);
}

Deno.test("the server's decoders read every request of a Linux client to its last byte", () => {
  const operations = new Set<string>();
  for (const exchange of compounds) {
    const xdr = argumentsOf(exchange);
    try {
      decode(xdr).forEach((name) => operations.add(name));
    } catch (cause) {
      throw new Error(describeExchange(exchange), { cause });
    }
    assertEquals(xdr.remaining, 0, describeExchange(exchange));
  }
  // All that a Linux client sends on a day's tour, operations not seen here apart.
  assertEquals(operations.size, 42);
});

Deno.test("a request that is cut short anywhere is bad XDR, nothing else", () => {
  for (const exchange of compounds) {
    const { argsAt, call } = exchange;
    // Long records carry file data: cutting those at every word says nothing new.
    const step = call.length > 2048 ? 512 : 4;
    for (let end = argsAt; end < call.length; end += step) {
      assertThrows(() => decode(argumentsOf(exchange, end)), XdrError);
    }
  }
});

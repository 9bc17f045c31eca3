import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { concat } from "@std/bytes";
import { askedBy } from "../../src/base/asker.ts";
import { createLogger, silentLogger } from "../../src/base/log.ts";
import { AuthFlavor, AuthStatus } from "../../src/rpc/auth.ts";
import { writeCredential } from "../../src/rpc/call_credential.ts";
import { sysCredential } from "../../src/rpc/auth_sys.ts";
import { partyOf } from "../../src/rpc/party.ts";
import { PLAIN } from "../../src/rpc/security.ts";
import {
  AcceptStatus,
  encodeAccepted,
  encodeCall,
  progMismatch,
} from "../../src/rpc/message.ts";
import type { XdrWriter } from "../../src/xdr/writer.ts";
import {
  call,
  echo,
  fragments,
  Peer,
  Procedure,
  PROGRAM,
  record,
  serve,
  TestHandlers,
  until,
} from "./support.ts";

const MIB = 1024 * 1024;

/** What the server says to `bytes`, and whether it then still answers. */
async function answer(bytes: Uint8Array, handlers = new TestHandlers()) {
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  await peer.send(bytes);
  const reply = await peer.reply();
  await peer.send(echo(99, "still here"));
  const next = await peer.reply();
  assertEquals([next.xid, next.results.string(20)], [99, "still here"]);
  return reply;
}

Deno.test("a call gets its results", async () => {
  const { xid, header, results } = await answer(echo(7, "hello"));
  assertEquals(xid, 7);
  assertEquals(header, { accepted: true, status: AcceptStatus.SUCCESS });
  assertEquals(results.string(20), "hello");
  assertEquals(results.remaining, 0);
});

Deno.test("a program or procedure that isn't there is refused without results", async () => {
  const program = await answer(call({ xid: 1, procedure: 0, program: 5 }));
  assertEquals(program.header, { accepted: true, status: 1 });
  assertEquals(program.results.remaining, 0);
  const procedure = await answer(call({ xid: 2, procedure: 77 }));
  assertEquals(procedure.header, { accepted: true, status: 3 });
  assertEquals(procedure.results.remaining, 0);
});

Deno.test("a version that isn't spoken is told which are", async () => {
  const handlers = new TestHandlers();
  const inner = handlers.call;
  handlers.call = (call, results, connection) =>
    call.version === 3
      ? progMismatch(results, 4, 5)
      : inner(call, results, connection);
  const bytes = call({ xid: 1, procedure: 0, version: 3 });
  const { header, results } = await answer(bytes, handlers);
  assertEquals(header, { accepted: true, status: AcceptStatus.PROG_MISMATCH });
  assertEquals([results.uint32(), results.uint32()], [4, 5]);
  assertEquals(results.remaining, 0);
});

Deno.test("another version of RPC is denied", async () => {
  const bytes = record((xdr) => {
    for (const word of [8, 0, 3, PROGRAM, 1, 0]) xdr.uint32(word);
  });
  const { xid, header, results } = await answer(bytes);
  assertEquals(xid, 8);
  assertEquals(header, { accepted: false });
  assertEquals([results.uint32(), results.uint32()], [2, 2]);
});

Deno.test("a credential that isn't taken is denied", async () => {
  const bytes = record((xdr) => {
    for (const word of [9, 0, 2, PROGRAM, 1, 0]) xdr.uint32(word);
    xdr.uint32(AuthFlavor.RPCSEC_GSS);
    xdr.opaque(new Uint8Array(20));
    writeCredential(xdr, { flavor: AuthFlavor.NONE });
  });
  const { header } = await answer(bytes);
  assertEquals(header, { accepted: false, authStatus: AuthStatus.TOOWEAK });
});

Deno.test("arguments cut short are GARBAGE_ARGS, and the connection goes on", async () => {
  const { header } = await answer(call({ xid: 1, procedure: Procedure.ECHO }));
  assertEquals(header, { accepted: true, status: AcceptStatus.GARBAGE_ARGS });
});

Deno.test("a handler that throws is SYSTEM_ERR and a line in the log", async () => {
  const lines: string[] = [];
  const logger = createLogger({ write: (line) => void lines.push(line) });
  await using listener = serve(new TestHandlers(), { logger });
  using peer = await Peer.connect(listener);
  await peer.send(call({ xid: 1, procedure: Procedure.FAIL }), echo(2));
  const { header, results } = await peer.reply();
  assertEquals(header, { accepted: true, status: AcceptStatus.SYSTEM_ERR });
  assertEquals(results.remaining, 0);
  assertEquals((await peer.reply()).xid, 2);
  assertEquals(lines.length, 1);
  assert(lines[0]!.includes("on purpose"));
});

Deno.test("what is logged of a peer that does not speak RPC counts as its party's", async () => {
  const parties: string[] = [];
  const warn = () => void parties.push(askedBy().party);
  await using listener = serve(new TestHandlers(), {
    logger: { ...silentLogger, warn },
  });
  using peer = await Peer.connect(listener);
  await peer.send(record((xdr) => xdr.uint32(1)));
  assert(await peer.closed());
  assertEquals(parties, [partyOf({ hostname: "127.0.0.1", port: 0 })]);
});

Deno.test("a promise that rejects is SYSTEM_ERR too", async () => {
  const handlers = new TestHandlers();
  const inner = handlers.call;
  handlers.call = (call, results, connection) => {
    if (call.xid !== 1) return inner(call, results, connection);
    results.uint32(1);
    return Promise.reject(new Error("on purpose"));
  };
  const { header, results } = await answer(echo(1), handlers);
  assertEquals(header, { accepted: true, status: AcceptStatus.SYSTEM_ERR });
  assertEquals(results.remaining, 0);
});

Deno.test("a dropped call has no reply, at once or later", async () => {
  const handlers = new TestHandlers();
  const inner = handlers.call;
  handlers.call = (call, results, connection) => {
    if (call.procedure === 50) {
      results.uint32(1);
      return AcceptStatus.DROP;
    }
    if (call.procedure === 51) return Promise.resolve(AcceptStatus.DROP);
    return inner(call, results, connection);
  };
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  await peer.send(
    call({ xid: 1, procedure: 50 }),
    call({ xid: 2, procedure: 51 }),
    echo(3),
    call({ xid: 4, procedure: 50 }),
    echo(5),
  );
  assertEquals((await peer.reply()).xid, 3);
  assertEquals((await peer.reply()).xid, 5);
});

Deno.test("fragments and split reads make no difference to the answer", async () => {
  await using listener = serve(new TestHandlers());
  using peer = await Peer.connect(listener);
  const stream = concat([
    fragments(echo(1, "in fragments").subarray(4), [3, 0, 10, 1]),
    echo(2, "whole"),
  ]);
  for (let i = 0; i < stream.length; i++) {
    await peer.send(stream.subarray(i, i + 1));
    if (i % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assertEquals((await peer.reply()).results.string(20), "in fragments");
  assertEquals((await peer.reply()).results.string(20), "whole");
});

Deno.test("a megabyte goes both ways", async () => {
  await using listener = serve(new TestHandlers());
  using peer = await Peer.connect(listener);
  const text = "0123456789abcdef".repeat(MIB / 16);
  await peer.send(echo(1, text), echo(2, "small"), echo(3, text));
  assertEquals((await peer.reply()).results.string(MIB), text);
  assertEquals((await peer.reply()).results.string(MIB), "small");
  assertEquals((await peer.reply()).results.string(MIB), text);
});

Deno.test("calls that wait are overtaken and answered when they are done", async () => {
  const handlers = new TestHandlers();
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  const wait = (xid: number, text: string) =>
    call({
      xid,
      procedure: Procedure.WAIT,
      args: (xdr) => xdr.string(text),
    });
  const large = "x".repeat(200_000);
  await peer.send(echo(1), wait(2, "two"), echo(3), wait(4, large), echo(5));
  for (const xid of [1, 3, 5]) assertEquals((await peer.reply()).xid, xid);
  // What follows must not touch the arguments of those that wait.
  for (let xid = 10; xid < 40; xid++) {
    await peer.send(echo(xid, "y".repeat(9000)));
    assertEquals((await peer.reply()).xid, xid);
  }
  for (const [xid, text] of [[4, large], [2, "two"]] as const) {
    handlers.waiter(xid).resolve();
    const reply = await peer.reply();
    assertEquals([reply.xid, reply.results.uint32()], [xid, xid]);
    assertEquals(reply.results.string(MIB), text);
    assertEquals(reply.results.remaining, 0);
  }
});

Deno.test("what stands before a waiting call in the same read is not held up", async () => {
  const handlers = new TestHandlers();
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  const fill = (xid: number, size: number) =>
    call({ xid, procedure: Procedure.FILL, args: (xdr) => xdr.uint32(size) });
  const wait = (xid: number) =>
    call({
      xid,
      procedure: Procedure.WAIT,
      args: (xdr) => xdr.string("late"),
    });
  for (const [xid, size] of [[1, 100], [4, 100_000]] as const) {
    await peer.send(fill(xid, size), wait(xid + 1), echo(xid + 2));
    const first = await peer.reply();
    assertEquals([first.xid, first.results.opaque(MIB).length], [xid, size]);
    assertEquals((await peer.reply()).xid, xid + 2);
    handlers.waiter(xid + 1).resolve();
    assertEquals((await peer.reply()).xid, xid + 1);
  }
});

Deno.test("replies go to the reply handler, also between calls", async () => {
  const handlers = new TestHandlers();
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  const reply = (xid: number) =>
    record((xdr) => encodeAccepted(xdr, { xid, seal: PLAIN }));
  await peer.send(reply(21), echo(1), reply(22), echo(2));
  assertEquals([(await peer.reply()).xid, (await peer.reply()).xid], [1, 2]);
  assertEquals(handlers.replies, [21, 22]);
});

Deno.test("a reply that can't be read is its peer's fault, what a handler throws besides is ours; neither does harm", async () => {
  const lines: string[] = [];
  const logger = createLogger({ write: (line) => void lines.push(line) });
  const handlers = new TestHandlers();
  handlers.reply = (_connection, xid, xdr) => {
    if (xid === 1) return void xdr.opaqueFixed(1000);
    throw new TypeError("on purpose");
  };
  await using listener = serve(handlers, { logger });
  using peer = await Peer.connect(listener);
  const reply = (xid: number) =>
    record((xdr) => encodeAccepted(xdr, { xid, seal: PLAIN }));
  await peer.send(reply(1), reply(2), echo(3));
  assertEquals((await peer.reply()).xid, 3);
  const [theirs, ours] = lines.map((line) => line.split(" ")[1]);
  assertEquals([theirs, ours, lines.length], ["WARN", "ERROR", 2]);
});

Deno.test("a call sent from inside a handler is a record of its own", async () => {
  const handlers = new TestHandlers();
  const inner = handlers.call;
  const callback = (size: number) => (xdr: XdrWriter) => {
    encodeCall(xdr, { xid: size, program: 1, version: 1, procedure: 1 });
    xdr.opaque(new Uint8Array(size).fill(0xcb));
  };
  handlers.call = (call, results, connection) => {
    const begin = results.position;
    const status = inner(call, results, connection);
    assert(connection.sendCall(callback(100)));
    assert(connection.sendCall(callback(50_000)));
    assert(results.position > begin);
    return status;
  };
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  const count = 50;
  await peer.send(
    ...Array.from({ length: count }, (_, i) => echo(1_000_000 + i, `#${i}`)),
  );
  const echoed = new Set<number>();
  const called = { 100: 0, 50_000: 0 } as Record<number, number>;
  for (let i = 0; i < 3 * count; i++) {
    const payload = (await peer.receive())!;
    const view = new DataView(payload.buffer, payload.byteOffset);
    const xid = view.getUint32(0);
    if (view.getUint32(4) === 1) {
      assertEquals(payload.length, 24 + 4 + 4);
      echoed.add(xid);
    } else {
      called[xid]!++;
      assertEquals(payload.length, 40 + 4 + xid);
      assertEquals(payload.at(-1), 0xcb);
    }
  }
  assertEquals(echoed.size, count);
  assertEquals(called, { 100: count, 50_000: count });
});

Deno.test("calls sent from outside arrive whole while large replies leave", async () => {
  const handlers = new TestHandlers();
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  const fill = (xid: number) =>
    call({ xid, procedure: Procedure.FILL, args: (xdr) => xdr.uint32(MIB) });
  await peer.send(fill(1), fill(2), fill(3), fill(4));
  await until(() => handlers.calls.length > 0);
  const connection = [...listener.connections][0]!;
  for (let xid = 100; xid < 120; xid++) {
    assert(
      connection.sendCall((xdr) =>
        encodeCall(xdr, { xid, program: 1, version: 1, procedure: 1 })
      ),
    );
  }
  const xids: number[] = [];
  while (xids.length < 24) {
    const payload = (await peer.receive())!;
    const xid = new DataView(payload.buffer).getUint32(0);
    assertEquals(payload.length, xid < 100 ? 24 + 4 + MIB : 40);
    xids.push(xid);
  }
  xids.sort((a, b) => a - b);
  assertEquals(xids, [
    ...[1, 2, 3, 4],
    ...Array.from({ length: 20 }, (_, i) => 100 + i),
  ]);
});

Deno.test("nothing can be sent on a closed connection, and closing is told once", async () => {
  const handlers = new TestHandlers();
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  await peer.send(echo(1));
  await peer.reply();
  const connection = [...listener.connections][0]!;
  connection.close("shutdown");
  connection.close("internal");
  assert(await peer.closed());
  assertEquals(connection.sendCall(() => {}), false);
  assertEquals(handlers.closes, ["shutdown"]);
  assertEquals(connection.closeReason, "shutdown");
  await connection.ended;
});

Deno.test("a connection may be closed from inside a handler of its own", async () => {
  const handlers = new TestHandlers();
  await using listener = serve(handlers);
  handlers.call = (_call, results) => {
    results.uint32(1);
    for (const connection of listener.connections) connection.close("shutdown");
    return AcceptStatus.SUCCESS;
  };
  using peer = await Peer.connect(listener);
  await peer.send(echo(1), echo(2));
  assert(await peer.closed());
});

Deno.test("a peer that closes its half gets the answers still due", async () => {
  const handlers = new TestHandlers();
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  const wait = call({
    xid: 1,
    procedure: Procedure.WAIT,
    args: (xdr) => xdr.string("late"),
  });
  await peer.send(wait);
  await peer.conn.closeWrite();
  await until(() => handlers.calls.length === 1);
  handlers.waiter(1).resolve();
  assertEquals((await peer.reply()).xid, 1);
  assert(await peer.closed());
  await until(() => handlers.closes.length === 1);
  assertEquals(handlers.closes, ["peer"]);
});

Deno.test("a call that ends after its connection harms nobody", async () => {
  const handlers = new TestHandlers();
  await using listener = serve(handlers);
  const peer = await Peer.connect(listener);
  await peer.send(call({
    xid: 1,
    procedure: Procedure.WAIT,
    args: (xdr) => xdr.string("late"),
  }));
  await until(() => handlers.calls.length === 1);
  const connection = [...listener.connections][0]!;
  connection.close("shutdown");
  peer[Symbol.dispose]();
  handlers.waiter(1).resolve();
  await connection.ended;
  assertEquals(connection.callsInFlight, 0);
});

Deno.test("the same caller is the same credential from call to call", async () => {
  const handlers = new TestHandlers();
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  const user = { uid: 5, gid: 5, gids: [] };
  const credential = {
    flavor: AuthFlavor.SYS,
    stamp: 1,
    machineName: "m",
    ...user,
  };
  for (const xid of [1, 2]) {
    await peer.send(call({ xid, procedure: Procedure.NULL, credential }));
    await peer.reply();
  }
  const [first, second] = handlers.calls;
  assertEquals(first!.credential, sysCredential(user));
  assertStrictEquals(first!.credential, second!.credential);
});

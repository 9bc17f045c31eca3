import { assertEquals } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { UNKNOWN } from "../../src/rpc/auth.ts";
import { noneFlavor } from "../../src/rpc/auth_none.ts";
import { RpcListener } from "../../src/rpc/listener.ts";
import { AcceptStatus } from "../../src/rpc/message.ts";
import {
  type OpenedCall,
  PLAIN,
  readEmptyVerifier,
  type SecurityFlavor,
  skipOpaque,
} from "../../src/rpc/security.ts";
import { acceptorOf, type Transport } from "../../src/rpc/transport.ts";
import { TestAcceptor } from "./in_process.ts";
import {
  echo,
  Peer,
  Procedure,
  PROGRAM,
  record,
  TestHandlers,
  until,
  VERSION,
} from "./support.ts";

const KEY = 0x5a;
/** auth_flavor of AUTH_TLS (RFC 9289 4.1). */
const AUTH_TLS = 7;

/** Whatever passes is turned. */
function turned(inner: Transport): Transport {
  return {
    async read(into) {
      const length = await inner.read(into);
      if (length !== null) {
        into.subarray(0, length).forEach((byte, i) => into[i] = byte ^ KEY);
      }
      return length;
    },
    write: (bytes) => inner.write(bytes.map((byte) => byte ^ KEY)),
    closeWrite: () => inner.closeWrite(),
    close: () => inner.close(),
  };
}

/** AUTH_TLS: its one call is answered, and after that everything is turned. */
const tlsFlavor: SecurityFlavor = {
  flavor: AUTH_TLS,
  open(xdr, length) {
    skipOpaque(xdr, length);
    readEmptyVerifier(xdr);
    return {
      credential: UNKNOWN,
      seal: PLAIN,
      answer(_results, connection) {
        connection.upgrade((plain) => Promise.resolve(turned(plain)));
        return AcceptStatus.SUCCESS;
      },
    };
  },
};

function startTls(xid: number): Uint8Array<ArrayBuffer> {
  return record((xdr) => {
    for (const word of [xid, 0, 2, PROGRAM, VERSION, Procedure.NULL]) {
      xdr.uint32(word);
    }
    for (const word of [AUTH_TLS, 0, 0, 0]) xdr.uint32(word);
  });
}

function serving() {
  const acceptor = new TestAcceptor();
  const handlers = new TestHandlers();
  const listener = new RpcListener({
    acceptor,
    clock: systemClock,
    handlers,
    introduce: () => ({ flavors: [noneFlavor, tlsFlavor] }),
  });
  return { acceptor, handlers, listener };
}

Deno.test("a listener serves what it is given, also inside one process", async () => {
  const { acceptor, listener } = serving();
  await using _ = listener;
  using peer = new Peer(acceptor.connect());
  await peer.send(echo(1, "in here"));
  assertEquals((await peer.reply()).results.string(100), "in here");
});

Deno.test({
  name: "a listener of a Unix socket is served, and its peers have no port",
  permissions: { read: true, write: true, net: true },
  ignore: Deno.permissions.querySync({ name: "write" }).state !== "granted",
}, async () => {
  const path = await Deno.makeTempFile();
  await Deno.remove(path);
  const handlers = new TestHandlers();
  const acceptor = acceptorOf(Deno.listen({ transport: "unix", path }));
  await using listener = new RpcListener({
    acceptor,
    clock: systemClock,
    handlers,
  });
  using peer = new Peer(await Deno.connect({ transport: "unix", path }));
  await peer.send(echo(1, "by a path"));
  assertEquals((await peer.reply()).results.string(100), "by a path");
  const { peer: end } = [...listener.connections][0]!;
  assertEquals(end, { hostname: "unix", port: undefined });
});

Deno.test("a connection goes on through another transport once what was asked before is answered", async () => {
  const { acceptor, handlers, listener } = serving();
  await using _ = listener;
  const plain = acceptor.connect();
  using peer = new Peer(plain);
  const wait = record((xdr) => {
    for (const word of [1, 0, 2, PROGRAM, VERSION, Procedure.WAIT]) {
      xdr.uint32(word);
    }
    for (const word of [0, 0, 0, 0, 0]) xdr.uint32(word);
  });
  await peer.send(wait);
  await until(() => handlers.calls.length === 1);
  await peer.send(startTls(2));
  assertEquals((await peer.reply()).xid, 2);
  handlers.waiter(1).resolve();
  assertEquals((await peer.reply()).xid, 1);
  using secured = new Peer(turned(plain));
  await secured.send(echo(3, "secret"));
  assertEquals((await secured.reply()).results.string(100), "secret");
});

Deno.test("a peer that sends on before the transport is another is closed", async () => {
  const { acceptor, handlers, listener } = serving();
  await using _ = listener;
  using peer = new Peer(acceptor.connect());
  await peer.send(startTls(1), echo(2));
  await until(() => handlers.closes.length === 1);
  assertEquals(handlers.closes, ["protocol"]);
  assertEquals(handlers.calls, []);
});

Deno.test("a connection that is closed while it changes its transport closes the new one too", async () => {
  const acceptor = new TestAcceptor();
  const handlers = new TestHandlers();
  const gate = Promise.withResolvers<void>();
  let isClosed = false;
  const slow: SecurityFlavor = {
    flavor: AUTH_TLS,
    open(xdr, length) {
      skipOpaque(xdr, length);
      readEmptyVerifier(xdr);
      const answer: OpenedCall["answer"] = (_results, connection) => {
        connection.upgrade(async (plain) => {
          await gate.promise;
          return { ...turned(plain), close: () => void (isClosed = true) };
        });
        return AcceptStatus.SUCCESS;
      };
      return { credential: UNKNOWN, seal: PLAIN, answer };
    },
  };
  await using listener = new RpcListener({
    acceptor,
    clock: systemClock,
    handlers,
    introduce: () => ({ flavors: [slow] }),
  });
  using peer = new Peer(acceptor.connect());
  await peer.send(startTls(1));
  assertEquals((await peer.reply()).xid, 1);
  for (const connection of listener.connections) connection.close("shutdown");
  gate.resolve();
  await until(() => isClosed);
});

import { assert, assertEquals } from "@std/assert";
import { askedBy } from "../../src/base/asker.ts";
import { systemClock } from "../../src/base/clock.ts";
import { RpcListener } from "../../src/rpc/listener.ts";
import { AcceptStatus } from "../../src/rpc/message.ts";
import { partyOf } from "../../src/rpc/party.ts";
import { acceptorOf } from "../../src/rpc/transport.ts";
import {
  call,
  echo,
  Peer,
  Procedure,
  serve,
  TestHandlers,
  until,
} from "./support.ts";

Deno.test("a call is carried out for the connection that it came on, also after it has waited", async () => {
  const handlers = new TestHandlers();
  const released = Promise.withResolvers<void>();
  const askers: (readonly [object, object | undefined])[] = [];
  handlers.call = (_call, _results, connection) => {
    askers.push([connection, askedBy()]);
    return released.promise.then(() => {
      askers.push([connection, askedBy()]);
      return AcceptStatus.SUCCESS;
    });
  };
  await using listener = serve(handlers);
  using one = await Peer.connect(listener);
  using other = await Peer.connect(listener);
  for (const peer of [one, other, one]) {
    await peer.send(call({ xid: 1, procedure: Procedure.NULL }));
  }
  while (askers.length < 3) await new Promise((go) => setTimeout(go, 1));
  released.resolve();
  for (const peer of [one, other, one]) await peer.reply();
  assertEquals(askers.length, 6);
  for (const [connection, asker] of askers) {
    for (const [other, otherAsker] of askers) {
      assertEquals(asker === otherAsker, connection === other);
    }
    // Work that outlives the connection keeps its asker, and not the connection.
    assert(asker !== undefined && asker !== connection);
  }
});

/** The party of a peer at an address. */
function partyAt(hostname: string, uid?: number): string {
  return partyOf({ hostname, port: 700 }, uid);
}

Deno.test("an IPv4 address is a party, and 64 bits of an IPv6 address", () => {
  const parties = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8:1:2::6", "2001:db8:1:2"],
    ["2001:db8::6", "2001:db8:0:0"],
  ] as const;
  for (const [hostname, party] of parties) {
    assertEquals(partyAt(hostname), party, hostname);
  }
});

Deno.test("all addresses of loopback are one host's", () => {
  const hostnames = ["127.0.0.1", "127.0.0.20", "::ffff:127.1.2.3", "::1"];
  const parties = new Set(hostnames.map((hostname) => partyAt(hostname)));
  assertEquals([...parties], [partyAt("127.255.255.254")]);
});

Deno.test("a user of this host is a party, whatever address it comes from", () => {
  const [one, same, other, root] = [
    partyAt("127.0.0.1", 1000),
    partyAt("192.0.2.1", 1000),
    partyAt("127.0.0.1", 1001),
    partyAt("127.0.0.1", 0),
  ];
  assertEquals(one, same);
  assertEquals(new Set([one, other, root, partyAt("127.0.0.1")]).size, 4);
});

Deno.test("what a peer sent before it reset its socket is nobody's, whoever has its port by now", async () => {
  const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { accept, close } = acceptorOf(tcp);
  let accepted: Deno.TcpConn | undefined;
  let lost = 0;
  const handlers = new TestHandlers();
  await using listener = new RpcListener({
    acceptor: {
      async accept() {
        const connected = await accept();
        accepted = connected.transport as Deno.TcpConn;
        return connected;
      },
      close,
    },
    clock: systemClock,
    handlers,
    observer: { connectionLost: () => lost++ },
    // The next socket with that port is found, which may be root's.
    introduce: async () => {
      await accepted!.write(Uint8Array.of(1));
      // Closed with bytes unread, a socket is reset.
      peer.close();
      return { uid: 0 };
    },
  });
  const peer = await Deno.connect({ port: tcp.addr.port });
  await peer.write(echo(1));
  await until(() => lost === 1);
  assertEquals([handlers.calls, listener.size], [[], 0]);
});

import { assertEquals } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { RpcListener } from "../../src/rpc/listener.ts";
import { acceptorOf } from "../../src/rpc/transport.ts";
import { echo, TestHandlers, until } from "./support.ts";

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

import { assertEquals } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { SysFlavor } from "../../src/rpc/auth_sys.ts";
import { RpcConnection } from "../../src/rpc/connection.ts";
import { connected } from "../../src/rpc/transport.ts";
import { echo, TestHandlers } from "./support.ts";

Deno.test("what a peer sent before it reset its socket is nobody's, whoever has its port by now", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const peer = await Deno.connect({
    hostname: "127.0.0.1",
    port: listener.addr.port,
  });
  await peer.write(echo(1));
  const transport = await listener.accept();
  const handlers = new TestHandlers();
  const connection = new RpcConnection(connected(transport), {
    clock: systemClock,
    handlers,
    // The next socket with that port is found, which may be root's.
    flavors: async () => {
      await transport.write(Uint8Array.of(1));
      // Closed with bytes unread, a socket is reset.
      peer.close();
      return [new SysFlavor()];
    },
  });
  await connection.run();
  assertEquals(handlers.calls, []);
});

import { assertEquals } from "@std/assert";
import { networkOf } from "../../src/base/network_of.ts";

Deno.test("things are shared out by IPv4 address, and by 64 bits of an IPv6 address", () => {
  const networks = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8:1:2::6", "2001:db8:1:2"],
    ["2001:db8::6", "2001:db8:0:0"],
  ] as const;
  for (const [hostname, network] of networks) {
    assertEquals(networkOf(hostname), network, hostname);
  }
});

Deno.test("all addresses of loopback are one host's", () => {
  const hostnames = ["127.0.0.1", "127.0.0.20", "::ffff:127.1.2.3", "::1"];
  const networks = new Set(hostnames.map(networkOf));
  assertEquals([...networks], [networkOf("127.255.255.254")]);
});

import { assertEquals } from "@std/assert";
import {
  isSameHost,
  parseUniversalAddress,
} from "../../src/backchannel/universal_address.ts";

Deno.test("a universal address is an address and the two bytes of a port", () => {
  assertEquals(parseUniversalAddress("tcp", "127.0.0.1.8.1"), {
    hostname: "127.0.0.1",
    port: 2049,
  });
  assertEquals(parseUniversalAddress("tcp", "10.1.2.3.255.255"), {
    hostname: "10.1.2.3",
    port: 65535,
  });
  assertEquals(parseUniversalAddress("tcp6", "2001:db8::1.0.111"), {
    hostname: "2001:db8::1",
    port: 111,
  });
  assertEquals(parseUniversalAddress("tcp6", "::ffff:10.0.0.1.3.4"), {
    hostname: "::ffff:10.0.0.1",
    port: 772,
  });
});

for (
  const [netid, address] of [
    ["tcp", ""],
    ["tcp", "127.0.0.1"],
    ["tcp", "127.0.0.1.0.0"],
    ["tcp", "127.0.0.1.8"],
    ["tcp", "127.0.0.1.8.256"],
    ["tcp", "127.0.0.1.256.8"],
    ["tcp", "127.0.0.1.08.1"],
    ["tcp", "127.0.0.1.8.1.9"],
    ["tcp", "127.0.0.1.8.-1"],
    ["tcp", " 127.0.0.1.8.1"],
    ["tcp", "127.0.0.1.8.1\n"],
    ["tcp", "127.1.8.1"],
    ["tcp", "0x7f.0.0.1.8.1"],
    ["tcp", "localhost.8.1"],
    ["tcp", "::1.8.1"],
    ["tcp6", "127.0.0.1.8.1"],
    ["tcp6", "[::1].8.1"],
    ["tcp6", "fe80::1%eth0.8.1"],
    ["udp", "127.0.0.1.8.1"],
    ["rdma", "127.0.0.1.8.1"],
    ["", "127.0.0.1.8.1"],
  ] as const
) {
  Deno.test(`no universal address of TCP: ${netid} ${JSON.stringify(address)}`, () => {
    assertEquals(parseUniversalAddress(netid, address), undefined);
  });
}

Deno.test("the same host has several ways to write itself", () => {
  assertEquals(isSameHost("10.0.0.1", "10.0.0.1"), true);
  assertEquals(isSameHost("10.0.0.1", "::ffff:10.0.0.1"), true);
  assertEquals(isSameHost("2001:db8:0::1", "2001:DB8::1"), true);
  assertEquals(isSameHost("127.0.0.1", "127.9.9.9"), true);
  assertEquals(isSameHost("127.0.0.1", "::1"), true);
  assertEquals(isSameHost("10.0.0.1", "10.0.0.2"), false);
  assertEquals(isSameHost("127.0.0.1", "10.0.0.1"), false);
  assertEquals(isSameHost("::1", "2001:db8::1"), false);
});

import { assertEquals } from "@std/assert";
import { partyOf } from "../../src/rpc/party.ts";

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

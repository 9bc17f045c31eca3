import { assertEquals, assertThrows } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { silentLogger } from "../../src/base/log.ts";
import { AuthFlavor } from "../../src/rpc/auth.ts";
import {
  buildIntroduce,
  completeTerms,
  type HostKnowledge,
  hostKnowledge,
  trustNotices,
} from "../../src/server/trust.ts";
import { defineExport, type ExportOptions } from "../../src/vfs/exports.ts";
import { AUTH_NONE, writeCredential } from "../../src/rpc/call_credential.ts";
import { CallSecurity } from "../../src/rpc/security.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import { FakeClock } from "../support/fake_clock.ts";
import type { Trust } from "../../src/vfs/file_system.ts";

const LINUX: HostKnowledge = { tellsOwners: true, privilegedBelow: 1024 };
const MAC: HostKnowledge = { tellsOwners: false, privilegedBelow: 1024 };
const NEITHER: HostKnowledge = { tellsOwners: false, privilegedBelow: 0 };

function trustOn(
  host: HostKnowledge,
  { asked, preferred }: { asked?: Trust; preferred?: Trust },
): Trust | undefined {
  const fs = memory({}, { trust: preferred });
  return completeTerms({ path: "/x", fs, trust: asked }, { host }).trust;
}

Deno.test("what the file system prefers is kept where the host can tell, and ports decide elsewhere", () => {
  assertEquals(trustOn(LINUX, { preferred: "owner" }), "owner");
  assertEquals(trustOn(MAC, { preferred: "owner" }), "port");
  for (const host of [LINUX, MAC, NEITHER]) {
    assertEquals(trustOn(host, {}), "any");
    assertEquals(trustOn(host, { asked: "any", preferred: "owner" }), "any");
  }
});

Deno.test("what was asked for and can't be is refused in one line that names the option", () => {
  const refused = [
    [MAC, { asked: "owner" }],
    [NEITHER, { asked: "owner" }],
    [NEITHER, { asked: "port" }],
    [NEITHER, { preferred: "owner" }],
  ] as const;
  for (const [host, options] of refused) {
    const { message } = assertThrows(
      () => trustOn(host, options),
      Error,
      "trust=",
    );
    assertEquals(message.includes("\n"), false);
    assertEquals(message.startsWith("export /x: "), true);
  }
});

Deno.test("root is squashed beyond loopback, unless it is said otherwise", () => {
  const squashAt = (hostname?: string, squash?: "none") =>
    completeTerms({ path: "/", fs: memory(), squash }, {
      hostname,
      host: LINUX,
    }).squash;
  assertEquals(squashAt(), "none");
  for (const hostname of ["127.0.0.1", "::1", "localhost"]) {
    assertEquals(squashAt(hostname), "none");
  }
  for (const hostname of ["0.0.0.0", "::", "192.0.2.1", "example.org"]) {
    assertEquals(squashAt(hostname), "root");
    assertEquals(squashAt(hostname, "none"), "none");
  }
});

Deno.test("a start says what AUTH_SYS means where it is believed too easily", () => {
  const noticesOf = (hostname: string, ...asked: Partial<ExportOptions>[]) => {
    const complete = asked.map((each, i) => ({
      path: `/${i}`,
      fs: memory({}, { trust: "owner" }),
      ...each,
    }));
    const exports = complete.map((each) =>
      defineExport(completeTerms(each, { hostname, host: LINUX }))
    );
    return trustNotices(exports, complete, hostname);
  };
  assertEquals(noticesOf("127.0.0.1", {}, { squash: "none" }), []);
  assertEquals(noticesOf("0.0.0.0", { squash: "all" }), []);
  const [beyond, ...more] = noticesOf("0.0.0.0", {}, {});
  assertEquals(more, []);
  assertEquals(beyond!.endsWith("may be any user but root"), true, beyond);
  const [asRoot] = noticesOf("::", {}, { squash: "none" });
  assertEquals(asRoot!.endsWith("any user, and root on /1"), true, asRoot);
});

Deno.test("a start says so where the host can't tell owners and nobody asked for ports", () => {
  const fs = memory({}, { trust: "owner" });
  const [asked, chosen] = [{ path: "/a", fs, trust: "port" }, {
    path: "/b",
    fs,
  }] as const;
  const noticesOf = (options: ExportOptions) =>
    trustNotices(
      [defineExport(completeTerms(options, { host: MAC }))],
      [options],
      "127.0.0.1",
    );
  assertEquals(noticesOf(asked), []);
  assertEquals(noticesOf(chosen).length, 1);
  assertEquals(noticesOf(chosen)[0]!.endsWith("(trust=port)"), true);
});

Deno.test(
  "who comes to loopback is of this host, whatever address it comes from",
  {
    ignore: !hostKnowledge().tellsOwners,
  },
  async () => {
    const exports = [
      defineExport({
        path: "/",
        fs: memory({}, { trust: "owner" }),
        trust: "owner",
      }),
    ];
    const introduce = buildIntroduce(exports, {
      clock: new FakeClock(),
      log: silentLogger,
    })!;
    const flavorAt = async (hostname: string) => {
      const peer = { hostname: "203.0.113.7", port: 1023 };
      const local = { hostname, port: 2049 };
      const { flavors } = await introduce({ peer, local });
      const security = new CallSecurity(flavors!);
      const xdr = new XdrWriter();
      const root = { stamp: 0, machineName: "", uid: 0, gid: 0, gids: [] };
      writeCredential(xdr, { flavor: AuthFlavor.SYS, ...root });
      writeCredential(xdr, AUTH_NONE);
      const opened = security.open(new XdrReader(xdr.slice()));
      return typeof opened === "number" ? opened : opened.credential.flavor;
    };
    // No socket of this host's has such a peer: nothing is known of who calls.
    assertEquals(await flavorAt("127.0.0.1"), AuthFlavor.NONE);
    assertEquals(await flavorAt("::1"), AuthFlavor.NONE);
    assertEquals(await flavorAt("192.0.2.1"), AuthFlavor.SYS);
  },
);

Deno.test(
  "a user of another's containers counts as the one who was given it, and is judged as itself",
  { ignore: !hostKnowledge().tellsOwners },
  async () => {
    const fs = memory({}, { trust: "owner" });
    const exports = [defineExport({ path: "/", fs, trust: "owner" })];
    const asked: number[] = [];
    const introduce = buildIntroduce(exports, {
      clock: new FakeClock(),
      log: silentLogger,
      subordinates: {
        ownerOf: (uid) => {
          asked.push(uid);
          return Promise.resolve(4711);
        },
      },
    })!;
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using _client = await Deno.connect({
      port: (listener.addr as Deno.NetAddr).port,
    });
    using accepted = await listener.accept();
    const { uid } = await introduce({
      peer: accepted.remoteAddr as Deno.NetAddr,
      local: accepted.localAddr as Deno.NetAddr,
    });
    assertEquals([uid, asked], [4711, [Deno.uid()!]]);
  },
);

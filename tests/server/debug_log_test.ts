import { assert, assertEquals, assertMatch } from "@std/assert";
import { createLogger } from "../../src/base/log.ts";
import {
  eventually,
  Fixture,
  hold,
  resolveConflict,
  write,
} from "../backchannel/fixture.ts";
import { V40Client } from "../support/client/mod.ts";

type Line = Record<string, string | number>;

Deno.test("at debug there is a line for each connection, client, session, operation, grant and recall", async () => {
  const lines: Line[] = [];
  const log = createLogger({
    level: "debug",
    format: "json",
    write: (line) => lines.push(JSON.parse(line)),
  });
  const of = (message: string) =>
    lines.filter((line) => line.message === message);
  {
    await using fixture = await Fixture.open({ log });
    const holder = await fixture.session();
    const other = await fixture.session();
    const held = await hold(holder, "f");
    await resolveConflict(holder, held, () => write(other, "f"));
    await holder.destroy();
    await eventually("the end", () => of("session destroyed").length === 1);
  }
  assertEquals(of("connection opened").length, 2);
  assertEquals(of("connection closed").length, 2);
  assertEquals(of("client confirmed").length, 2);
  assertEquals(of("session created").length, 2);
  const granted = of("delegation granted")[0]!;
  const recall = of("delegation recalled")[0]!;
  assertEquals(granted.type, "read");
  assertEquals([recall.client, recall.reason], [granted.client, "open"]);
  assertEquals(of("delegation returned").length, 1);
  const opens = of("operation").filter(({ operation }) => operation === "OPEN");
  assert(opens.some(({ status }) => status === "NFS4ERR_DELAY"));
  const files = new Set(opens.map(({ file }) => file));
  // The folder where it failed, the file where it was opened.
  assertEquals(files.size, 2);
  for (const { ms, peer, version, uid, file, export: path } of opens) {
    assertEquals([uid, path], [0, "/"]);
    assertMatch(String(file), /^[0-9a-f]{8}$/);
    assert(Number(ms) >= 0);
    assertMatch(String(peer), /^127\.0\.0\.1:\d+$/);
    assertMatch(String(version), /^4\.[12]$/);
  }
});

Deno.test("at info what clients do by themselves is not logged", async () => {
  const lines: string[] = [];
  const log = createLogger({ write: (line) => lines.push(line) });
  {
    await using fixture = await Fixture.open({ log });
    await fixture.session();
    // RFC 7530 10.2: nowhere to be called back, which is the client's to wish.
    const { port } = fixture.server;
    await using v40 = await V40Client.connect({ port });
    await v40.register({ netid: "tcp", address: "0.0.0.0.0.0" });
    await v40.open(["f"]);
  }
  assertEquals(lines, []);
});

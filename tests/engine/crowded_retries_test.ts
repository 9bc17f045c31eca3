import { assertEquals, assertLess } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { compound } from "../../src/engine/compound.ts";
import { sysCredential } from "../../src/rpc/auth_sys.ts";
import { PLAIN } from "../../src/rpc/security.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import { op, readCompound, writeCompound } from "../support/client/mod.ts";
import { testConnection } from "../support/connection.ts";
import { ShortTurns } from "../support/short_turns.ts";
import { slow } from "./ops/fixture.ts";
import { StateFixture } from "./state_fixture.ts";

Deno.test("NFSv4.0: a crowd that has sent one request again is answered in turns", async () => {
  const { services } = new StateFixture({ fs: slow(memory({ file: "x" })) });
  const turn = new ShortTurns(10);
  Object.assign(services, { turn });
  const { duplicates } = services.state;
  const connection = testConnection();
  const args = { minorVersion: 0, ops: [op.putrootfh(), op.remove("file")] };
  const request = new XdrWriter();
  writeCompound(request, args);
  const credential = sysCredential({ uid: 0, gid: 0, gids: [] });
  const send = async () => {
    const reply = new XdrWriter();
    const raw = reply.raw.bind(reply);
    reply.raw = (bytes) => {
      turn.look();
      raw(bytes);
    };
    const call = {
      ...{ program: 100003, version: 4, procedure: 1, xid: 1 },
      ...{ credential, seal: PLAIN, body: new XdrReader(request.slice()) },
    };
    await compound(services, call, { reply, connection, duplicates });
    return readCompound(new XdrReader(reply.slice()), args).status;
  };
  const statuses = await Promise.all(Array.from({ length: 100 }, send));
  assertEquals(new Set(statuses), new Set([0]));
  assertEquals(duplicates.hits, 99);
  assertLess(turn.most, 20);
});

/** What becomes of a COMPOUND whose connection is closed before it has ended. */

import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { compound } from "../../src/engine/compound.ts";
import { Op, Status } from "../../src/nfs4/constants.ts";
import { sysCredential } from "../../src/rpc/auth_sys.ts";
import type { CloseReason } from "../../src/rpc/handlers.ts";
import { PLAIN } from "../../src/rpc/security.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import { testConnection } from "../support/connection.ts";
import { Fixture } from "./ops/fixture.ts";

type Write = (xdr: XdrWriter) => void;

const putRootFh: Write = (xdr) => xdr.uint32(Op.PUTROOTFH);
const lookup: Write = (xdr) => {
  xdr.uint32(Op.LOOKUP);
  xdr.string("a");
};
const createFolder: Write = (xdr) => {
  xdr.uint32(Op.CREATE);
  xdr.uint32(2);
  xdr.string("new");
  xdr.uint32(0); // bitmap
  xdr.uint32(0); // values
};
const getattr: Write = (xdr) => {
  xdr.uint32(Op.GETATTR);
  xdr.array([0b10], (xdr, word) => xdr.uint32(word));
};

/** The status of an NFSv4.0 COMPOUND whose connection ends while its second operation waits for the file system. */
async function statusOf(
  operations: Write[],
  closeReason: CloseReason | undefined,
): Promise<number> {
  const connection: { closeReason: CloseReason | undefined } = testConnection();
  const fs = memory({ a: "text" });
  const wait = async <T>(value: T): Promise<T> => {
    await undefined;
    connection.closeReason = closeReason;
    return value;
  };
  const waiting = new Proxy<FileSystem>(fs, {
    get(_, key) {
      const value = Reflect.get(fs, key);
      if (typeof value !== "function") return value;
      if (key !== "lookup" && key !== "create") return value.bind(fs);
      return async (...given: unknown[]) =>
        await wait(await value.apply(fs, given));
    },
  });
  const { services } = new Fixture({ path: "/", fs: waiting });
  const request = new XdrWriter();
  request.string("");
  request.uint32(0);
  request.array(operations, (xdr, write) => write(xdr));
  const reply = new XdrWriter();
  const credential = sysCredential({ uid: 0, gid: 0, gids: [] });
  const call = {
    ...{ xid: 1, program: 100_003, version: 4, procedure: 1, credential },
    body: new XdrReader(request.slice()),
    seal: PLAIN,
  };
  await compound(services, call, {
    reply,
    connection: connection as ReturnType<typeof testConnection>,
  });
  return new XdrReader(reply.slice()).uint32();
}

Deno.test("what only reads does not go on when its connection is closed", async () => {
  const operations = [putRootFh, lookup, getattr];
  assertEquals(await statusOf(operations, undefined), Status.OK);
  assertEquals(await statusOf(operations, "peer"), Status.DELAY);
});

Deno.test("what has changed something is carried out to its end, connection or not", async () => {
  const operations = [putRootFh, createFolder, getattr];
  assertEquals(await statusOf(operations, undefined), Status.OK);
  assertEquals(await statusOf(operations, "peer"), Status.OK);
});

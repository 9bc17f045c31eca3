import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import {
  type DelegationPolicy,
  noDelegations,
} from "../../src/state/delegations.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import { op, type Request, type Stateid, walk } from "../support/client/mod.ts";
import { type StateClient, StateFixture } from "./state_fixture.ts";

/** OPEN4_RESULT_PRESERVE_UNLINKED */
const PRESERVE_UNLINKED = 8;
const TREE = { file: "content", other: "other" };

const generous: DelegationPolicy = { ...noDelegations, offer: () => "write" };

/** A file by its filehandle, as one without a name is known. */
async function byHandle(client: StateClient): Promise<Request> {
  const { filehandle } = await client.ok(
    "GETFH",
    ...walk(["file"]),
    op.getfh(),
  );
  return op.putfh(filehandle);
}

const removeFile = [op.putrootfh(), op.remove("file")];
const replaceFile = [
  ...[op.putrootfh(), op.savefh()],
  op.rename("other", "file"),
];

/** What a client sees of a file that it has open, and nobody can name. */
async function nameless(
  client: StateClient,
  at: Request,
  stateid: Stateid,
): Promise<unknown> {
  const read = op.read({ stateid });
  const { data } = await client.ok("READ", at, read);
  const { attributes } = await client.ok(
    "GETATTR",
    at,
    op.getattr(["numlinks"]),
  );
  return [new TextDecoder().decode(data), attributes.numlinks];
}

for (const minor of [1, 2] as const) {
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`files without a name 4.${minor}: ${name}`, body);

  test("OPEN says that they stay until they are closed (RFC 8881 18.16.3)", async () => {
    const fixture = new StateFixture({ tree: TREE });
    const client = await fixture.client(minor);
    const opened = await client.ok(
      "OPEN",
      op.putrootfh(),
      client.openOp("file"),
    );
    assertEquals(opened.flags & PRESERVE_UNLINKED, PRESERVE_UNLINKED);
  });

  test("OPEN does not say so where they would not outlive a restart", async () => {
    const fs: FileSystem = Object.assign(memory(TREE), {
      preserveUnlinked: undefined,
    });
    const fixture = new StateFixture({ fs });
    const client = await fixture.client(minor);
    const opened = await client.ok(
      "OPEN",
      op.putrootfh(),
      client.openOp("file"),
    );
    assertEquals(opened.flags & PRESERVE_UNLINKED, 0);
  });

  for (const [how, loseName] of Object.entries({ removeFile, replaceFile })) {
    test(`one is there, with no links, until it is closed: ${how}`, async () => {
      const fixture = new StateFixture({ tree: TREE });
      const client = await fixture.client(minor);
      const at = await byHandle(client);
      const stateid = await client.open("file");
      await client.call(...loseName);
      assertEquals(await nameless(client, at, stateid), ["content", 0]);
      assertEquals(await client.status(at, op.close(stateid)), "OK");
      assertEquals(await client.status(at), "STALE");
    });

    test(`one stays for who holds a delegation alone, until it is returned: ${how}`, async () => {
      const fixture = new StateFixture({ tree: TREE, delegations: generous });
      const client = await fixture.client(minor);
      const at = await byHandle(client);
      const open = client.openOp("file");
      const opened = await client.ok("OPEN", op.putrootfh(), open);
      const { stateid } = opened.delegation as { stateid: Stateid };
      await client.ok("CLOSE", at, op.close(opened.stateid));
      await client.call(...loseName);
      assertEquals(await nameless(client, at, stateid), ["content", 0]);
      assertEquals(await client.status(at, op.delegreturn(stateid)), "OK");
      assertEquals(await client.status(at), "STALE");
    });
  }

  test("a delegation that is returned first leaves the file to its opens", async () => {
    const fixture = new StateFixture({ tree: TREE, delegations: generous });
    const client = await fixture.client(minor);
    const at = await byHandle(client);
    const open = () => client.ok("OPEN", op.putrootfh(), client.openOp("file"));
    const first = await open();
    const delegation = first.delegation as { stateid: Stateid };
    await client.ok("CLOSE", at, op.close(first.stateid));
    fixture.services.state.files.policy = noDelegations;
    const { stateid } = await open();
    await client.call(...removeFile);
    await client.ok("DELEGRETURN", at, op.delegreturn(delegation.stateid));
    assertEquals(await nameless(client, at, stateid), ["content", 0]);
    await client.ok("CLOSE", at, op.close(stateid));
    assertEquals(await client.status(at), "STALE");
  });
}

Deno.test("files without a name 4.0: OPEN has no word for that they stay", async () => {
  const fixture = new StateFixture({ tree: TREE });
  const client = await fixture.client(0);
  const open = client.openOp("file", { seqid: 1 });
  const opened = await client.ok("OPEN", op.putrootfh(), open);
  assertEquals(opened.flags & PRESERVE_UNLINKED, 0);
});

import { assertEquals } from "@std/assert";
import { OpenHistory } from "../../src/delegations/open_history.ts";
import type { Client } from "../../src/state/client.ts";
import { collectGarbage } from "../support/heap.ts";

Deno.test("a client that comes back to a file is known, one that opens another's is not", () => {
  const history = new OpenHistory(10);
  const [one, other] = [{ id: 1n }, { id: 2n }] as Client[];
  assertEquals(history.note("a", one!, "read"), false);
  assertEquals(history.note("a", one!, "read"), true);
  assertEquals(history.note("a", one!, "write"), false);
  assertEquals(history.note("a", other!, "write"), false);
  assertEquals(history.note("a", one!, "write"), false);
});

Deno.test("the history of opens keeps no client that is gone", async () => {
  const history = new OpenHistory(10);
  const gone = (() => {
    const client = { id: 1n, state: new Uint8Array(1000) } as unknown as Client;
    history.note("a", client, "read");
    return new WeakRef(client);
  })();
  // A WeakRef holds what it was made of until the turn is over.
  await new Promise((resolve) => setTimeout(resolve));
  collectGarbage();
  assertEquals(gone.deref(), undefined);
});

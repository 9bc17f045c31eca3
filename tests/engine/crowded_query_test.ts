import { assertEquals, assertLess } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import type {
  DelegationPolicy,
  HolderAnswer,
} from "../../src/state/delegations.ts";
import { op, walk } from "../support/client/mod.ts";
import { ShortTurns } from "../support/short_turns.ts";
import { StateFixture } from "./state_fixture.ts";

Deno.test("a crowd that waits for what the holder of a file says of it goes on in turns", async () => {
  const said = Promise.withResolvers<HolderAnswer>();
  const delegations: DelegationPolicy = {
    offer: () => "write",
    recall: () => {},
    query: () => said.promise,
  };
  const fs = memory({ file: "content" });
  const fixture = new StateFixture({ fs, delegations });
  const holder = await fixture.client(1);
  await holder.open("file", { access: 3 });
  const { size, change } = fs.getattr(fs.lookup(fs.root(), "file")!);
  const turn = new ShortTurns(10);
  const getattr = fs.getattr.bind(fs);
  fs.getattr = (node) => {
    turn.look();
    return getattr(node);
  };
  Object.assign(fixture.services, { turn });
  const reader = await fixture.client(0);
  const asking = Promise.all(
    Array.from(
      { length: 100 },
      () => reader.status(...walk(["file"]), op.getattr(["size"])),
    ),
  );
  turn.most = 0;
  said.resolve({ size, change: BigInt(change), changesMade: 0 });
  assertEquals(new Set(await asking), new Set(["OK"]));
  assertLess(turn.most, 40);
});

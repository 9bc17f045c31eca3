/** What holders have not answered is shared out among their parties. */

import { assertEquals } from "@std/assert";
import {
  FolderNotices,
  MAX_UNHEARD,
  MAX_UNHEARD_OF_ALL,
} from "../../src/delegations/folder_notices.ts";
import type { Delegation } from "../../src/state/delegations.ts";
import { FakeClock } from "../support/fake_clock.ts";

const ADD = 3;

/** A folder that a client of this party holds, which answers nothing. */
function heldBy(party: string): Delegation {
  return {
    ...{ client: { party }, seqid: 1, other: new Uint8Array(12) },
    file: { file: { handle: Uint8Array.of(1) } },
    notices: { session: { back: { maxRequestSize: 10_000 } } },
  } as unknown as Delegation;
}

Deno.test("clients of one party that answer nothing leave room for what others are told", () => {
  const unheard: Delegation[] = [];
  const notices = new FolderNotices({
    clock: new FakeClock(),
    router: { sendOver: () => {} },
    unheard: (folder) => unheard.push(folder),
  });
  const tell = (folder: Delegation, changes: number) => {
    for (let i = 0; i < changes; i++) {
      notices.add(folder, { type: ADD, bytes: new Uint8Array() });
    }
  };
  const clients = Math.ceil(MAX_UNHEARD_OF_ALL / MAX_UNHEARD);
  for (let i = 0; i < clients; i++) tell(heldBy("deaf"), MAX_UNHEARD);
  assertEquals(unheard.length > 0, true);
  unheard.length = 0;
  const other = heldBy("another");
  tell(other, MAX_UNHEARD);
  assertEquals(unheard, []);
  tell(other, 1);
  assertEquals(unheard, [other]);
});

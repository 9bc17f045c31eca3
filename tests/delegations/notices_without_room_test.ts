/** Holders of many folders of one session, which takes so many callbacks at a time. */

import { assertEquals } from "@std/assert";
import type {
  CallbackOutcome,
  CallbackRequest,
} from "../../src/backchannel/callback_request.ts";
import { CallbackRouter } from "../../src/backchannel/router.ts";
import {
  BATCH,
  BATCH_MS,
  FolderNotices,
} from "../../src/delegations/folder_notices.ts";
import type { Delegation } from "../../src/state/delegations.ts";
import { finish } from "../../src/state/effects.ts";
import type { Session } from "../../src/state/session.ts";
import { FakeClock } from "../support/fake_clock.ts";

const ADD = 3;
const OK: CallbackOutcome = { kind: "answered", results: [{ status: 0 }] };

/** A client with delegations of folders 0, 1, 2..., each told of by its number. */
class Told {
  readonly clock = new FakeClock();
  readonly unheard: number[] = [];
  /** The notices of callbacks that are on their way, in order. */
  readonly sent: number[][] = [];
  /** How many callbacks the session takes besides. */
  room = 0;
  isPathUp = true;
  readonly notices: FolderNotices;
  readonly #done: CallbackRequest["done"][] = [];
  readonly #folders: Delegation[] = [];
  readonly #session: Session;
  readonly #client = { party: "a host" };

  constructor() {
    const isPathUp = () => this.isPathUp;
    this.#session = {
      back: { maxRequestSize: 10_000 },
      get isPathUp() {
        return isPathUp();
      },
    } as Session;
    this.notices = new FolderNotices({
      clock: this.clock,
      unheard: (folder) => this.unheard.push(this.#folders.indexOf(folder)),
      router: new CallbackRouter({
        backchannel: { enqueue: (_session, request) => this.#enqueue(request) },
        dialOut: { send: () => {}, isUp: () => false },
      }),
    });
  }

  #enqueue({ operations, done }: CallbackRequest): boolean {
    if (this.room === 0) return false;
    this.room--;
    const { changes } = operations[0]!.args as { changes: Uint8Array[] };
    this.sent.push(changes.map(([number]) => number!));
    this.#done.push(done);
    return true;
  }

  /** A folder's delegation. */
  folder(number: number): Delegation {
    return this.#folders[number] ??= {
      ...{ client: this.#client, seqid: 1, other: new Uint8Array(12) },
      file: { file: { handle: Uint8Array.of(number) } },
      notices: { session: this.#session },
    } as unknown as Delegation;
  }

  /** A folder has changed, and its holder is to hear of it by this. */
  change(number: number, notice = number): void {
    const bytes = Uint8Array.of(notice);
    this.notices.add(this.folder(number), { type: ADD, bytes });
  }

  /** One change in each of so many folders, and the time until they go out. */
  changeAll(folders: number): void {
    for (let i = 0; i < folders; i++) this.change(i);
    this.clock.advance(BATCH_MS);
  }

  /** How the oldest callback ends, which makes room for another. */
  end(outcome: CallbackOutcome = OK): void {
    this.room++;
    this.#done.shift()!(outcome);
  }
}

Deno.test("more folders than callbacks have room change: the others are told when those are answered", () => {
  const told = new Told();
  told.room = 2;
  told.changeAll(5);
  assertEquals(told.sent, [[0], [1]]);
  for (let i = 0; i < 5; i++) told.end();
  assertEquals(told.sent, [[0], [1], [2], [3], [4]]);
  assertEquals([told.unheard, told.notices.size], [[], 0]);
});

Deno.test("what waits for room keeps its order, and its place before what is new", () => {
  const told = new Told();
  told.room = 1;
  told.changeAll(3);
  told.change(1);
  told.change(0);
  told.clock.advance(BATCH_MS);
  for (let i = 0; i < 4; i++) told.end();
  assertEquals(told.sent, [[0], [1, 1], [2], [0]]);
});

Deno.test("what did not fit into one callback comes after what did, also where that waits for room", () => {
  const told = new Told();
  const all = Array.from({ length: BATCH + 1 }, (_, i) => i);
  for (const notice of all) told.change(0, notice);
  finish(told.notices.sendWaiting());
  told.room = 1;
  finish(told.notices.sendWaiting());
  told.end();
  assertEquals(told.sent.flat(), all);
});

Deno.test("what waits for room goes out with a sweep where other callbacks had it", () => {
  const told = new Told();
  told.changeAll(3);
  finish(told.notices.sendWaiting());
  assertEquals(told.sent, []);
  told.room = 2;
  finish(told.notices.sendWaiting());
  assertEquals(told.sent.length, 2);
  told.room = 1;
  finish(told.notices.sendWaiting());
  assertEquals(told.sent.flat().sort(), [0, 1, 2]);
});

Deno.test("a callback that is not answered makes no room, and its folder is recalled", () => {
  const told = new Told();
  told.room = 1;
  told.changeAll(2);
  told.end({ kind: "failed", reason: "no answer" });
  assertEquals([told.sent, told.unheard], [[[0]], [0]]);
});

Deno.test("what waits for room over a session that has no way any more is recalled", () => {
  const told = new Told();
  told.changeAll(2);
  told.isPathUp = false;
  finish(told.notices.sendWaiting());
  assertEquals([told.sent, told.unheard, told.notices.size], [[], [0, 1], 0]);
});

Deno.test("a folder that is returned waits for no room", () => {
  const told = new Told();
  told.room = 1;
  told.changeAll(3);
  told.notices.end(told.folder(1));
  told.end();
  assertEquals([told.sent, told.unheard], [[[0], [2]], []]);
  told.end();
  assertEquals(told.notices.size, 0);
});

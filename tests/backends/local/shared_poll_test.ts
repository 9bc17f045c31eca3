import { assertEquals } from "@std/assert";
import type { HostCalls } from "../../../src/backends/common/host_calls.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { SharedPoll } from "../../../src/backends/local/shared_poll.ts";

const WAKER = 7;

/** Waits of a host, each of which the test ends. */
class Polls {
  readonly clock = new FakeClock();
  readonly poll = new SharedPoll(this.clock);
  /** What each has waited for. */
  readonly asked: number[][] = [];
  readonly ended: number[] = [];
  woken = 0;
  /** Eventfds that are open. */
  wakers = 0;
  #list: DataView | undefined;
  #end: (() => void) | undefined;

  readonly #libc = {
    eventfd: () => (this.wakers++, WAKER),
    close: () => (this.wakers--, 0),
    write: () => BigInt(++this.woken && 8),
    read: () => 8n,
    poll: (list: Uint8Array, count: bigint) => {
      this.#list = new DataView(list.buffer);
      const fds = Array.from({ length: Number(count) }, (_, i) => i * 8);
      this.asked.push(fds.map((at) => this.#list!.getInt32(at, true)));
      return new Promise<number>((resolve) => this.#end = () => resolve(0));
    },
  } as unknown as HostCalls["libc"];

  wait(fd: number, milliseconds = 1e6): void {
    this.poll.readable(this.#libc, fd, milliseconds)
      .then(() => this.ended.push(fd));
  }

  /** These can be read. */
  async come(...fds: number[]): Promise<void> {
    for (const [i, fd] of this.asked.at(-1)!.entries()) {
      if (fds.includes(fd)) this.#list!.setInt16(i * 8 + 6, 1, true);
    }
    this.#end!();
    for (let i = 0; i < 9; i++) await undefined;
  }
}

Deno.test("local: one thread waits for what all folders of the process are told", async () => {
  const polls = new Polls();
  polls.wait(1);
  assertEquals(polls.asked, [[1, WAKER]]);
  polls.wait(2);
  polls.wait(3);
  assertEquals([polls.asked.length, polls.woken], [1, 2]);
  await polls.come(WAKER);
  assertEquals(polls.asked.slice(1), [[1, 2, 3, WAKER]]);
  assertEquals(polls.ended, []);
  await polls.come(2);
  assertEquals(polls.ended, [2]);
  assertEquals(polls.asked.slice(2), [[1, 3, WAKER]]);
  assertEquals(polls.wakers, 1);
  await polls.come(1, 3);
  assertEquals(polls.wakers, 0);
  assertEquals(polls.ended, [2, 1, 3]);
  // None is left to be waited for.
  assertEquals(polls.asked.length, 3);
  polls.wait(2);
  await polls.come(2);
  assertEquals(polls.asked.slice(3), [[2, WAKER]]);
});

Deno.test("local: a wait that nothing comes of ends by itself, and no other's", async () => {
  const polls = new Polls();
  polls.wait(1);
  polls.wait(2, 1000);
  await polls.come(WAKER);
  polls.clock.advance(1000);
  await polls.come();
  assertEquals(polls.ended, [2]);
  await polls.come(1);
});

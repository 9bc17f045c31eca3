import { assertEquals } from "@std/assert";
import { LineQueue, type LineSink } from "../../src/base/line_queue.ts";

/** A reader that takes what is written when a test says so. */
class Pipe implements LineSink {
  text = "";
  writes = 0;
  /** Bytes that a write takes, at most. */
  most = Infinity;
  #reading = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<number> {
    this.writes++;
    await this.#reading.promise;
    const taken = bytes.subarray(0, this.most);
    this.text += new TextDecoder().decode(taken);
    return taken.length;
  }

  /** The reader is there from now on. */
  read(): void {
    this.#reading.resolve();
  }

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }
}

const leftOut = (count: number) => `left out ${count}`;

Deno.test("lines reach a reader who comes late in their order, and few writes", async () => {
  const pipe = new Pipe();
  const queue = new LineQueue(pipe, { leftOut });
  const lines = Array.from({ length: 1000 }, (_, i) => `line ${i}`);
  for (const line of lines) queue.write(line);
  pipe.read();
  await queue.flush(1000);
  assertEquals(pipe.lines, lines);
  assertEquals(pipe.writes, 2);
  assertEquals(queue.dropped, 0);
});

Deno.test("beyond the bound lines are left out, and one line says how many", async () => {
  const pipe = new Pipe();
  const queue = new LineQueue(pipe, { maxBytes: 10, leftOut });
  for (const line of ["aaaa", "bbbb", "cccc", "dddd"]) queue.write(line);
  assertEquals(queue.dropped, 2);
  pipe.read();
  await queue.flush(1000);
  queue.write("eeee");
  await queue.flush(1000);
  assertEquals(pipe.lines, ["aaaa", "bbbb", "left out 2", "eeee"]);
});

Deno.test("a pipe that takes less than it is given gets the rest", async () => {
  const pipe = new Pipe();
  pipe.most = 3;
  const queue = new LineQueue(pipe, { leftOut });
  queue.write("one");
  queue.write("two");
  pipe.read();
  await queue.flush(1000);
  assertEquals(pipe.lines, ["one", "two"]);
});

Deno.test("flush does not wait longer than it may for a reader who is gone", async () => {
  const queue = new LineQueue(new Pipe(), { leftOut });
  queue.write("nobody reads this");
  await queue.flush(1);
});

Deno.test("a stream that has ended costs its lines, and no error", async () => {
  const sink = { write: () => Promise.reject(new Deno.errors.BrokenPipe()) };
  const queue = new LineQueue(sink, { leftOut });
  queue.write("lost");
  await queue.flush(1000);
  assertEquals(queue.dropped, 1);
});

Deno.test("a stream that takes nothing for the moment is asked again", async () => {
  let refusals = 2;
  let text = "";
  const queue = new LineQueue({
    write(bytes) {
      if (refusals-- > 0) return Promise.reject(new Deno.errors.WouldBlock());
      text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
  }, { leftOut });
  queue.write("late");
  await queue.flush(1000);
  assertEquals(text, "late\n");
});

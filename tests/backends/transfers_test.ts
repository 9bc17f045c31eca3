import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { closeSync, openSync } from "node:fs";
import { workFor } from "../../src/base/asker.ts";
import { nextTurn } from "../../src/base/turn.ts";
import { hostThreads } from "../../src/backends/common/host_threads.ts";
import { HostPace } from "../../src/backends/common/host_pace.ts";
import {
  type HostFile,
  type HostWriter,
  readFile,
  writeFile,
} from "../../src/backends/common/transfers.ts";
import { canWrite, pattern, temporary } from "./sqlite/fixture.ts";

const SIZE = 300_000;
const pace = new HostPace();
const locked = () => undefined;

class Opened implements HostFile, Disposable {
  readonly fd: number;
  isTransferring = false;

  constructor(path: string, flags: string) {
    this.fd = openSync(path, flags);
  }

  during<T>(act: () => Promise<T>): Promise<T> {
    return act();
  }

  transferring<T>(act: () => Promise<T>): Promise<T> {
    return act();
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

/** A host whose thread says that it has written so many bytes each time, and has not. */
function hostThatSays(written: number[], asked: number[]): HostWriter {
  return {
    readCached: () => undefined,
    isReadFirst: () => false,
    writeLater(_fd, _data, offset) {
      asked.push(offset);
      return Promise.resolve(written.shift()!);
    },
  };
}

Deno.test({
  name:
    "a thread is asked until all is written, and for an error the host is asked anew",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    const path = `${folder.path}/file`;
    const data = pattern(SIZE, 1);
    const asked: number[] = [];
    using file = new Opened(path, "w+");
    const host = hostThatSays([100_000, 50_000, -1], asked);
    await writeFile(host, { file, data, offset: 7, pace, locked });
    assertEquals(asked, [7, 100_007, 150_007]);
    const found = Deno.readFileSync(path);
    assertEquals(found.subarray(150_007), data.subarray(150_000));
    using closed = new Opened(path, "r");
    await assertRejects(
      async () => {
        const again = hostThatSays([-1], asked);
        await writeFile(again, { file: closed, data, offset: 0, pace, locked });
      },
      Error,
      "Bad file descriptor",
    );
  },
});

Deno.test({
  name: "a write to a file that another thread is at is left to a thread",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    using file = new Opened(`${folder.path}/file`, "w+");
    const asked: number[] = [];
    const host = hostThatSays([9], asked);
    const how = { file, data: pattern(9, 1), offset: 0, pace, locked };
    assertEquals(writeFile(host, how), undefined);
    assertEquals(asked, []);
    file.isTransferring = true;
    await writeFile(host, how);
    assertEquals(asked, [0]);
  },
});

for (const kind of ["read", "write"] as const) {
  Deno.test({
    name: `what threads ${kind} of a party does not stand behind another's`,
    ignore: !canWrite,
    async fn() {
      using folder = temporary();
      using file = new Opened(`${folder.path}/file`, "w+");
      const data = pattern(SIZE, 1);
      await writeFile(hostThatSays([SIZE], []), {
        file,
        data,
        offset: 0,
        pace,
        locked,
      });
      const host: HostWriter = {
        readCached: () => undefined,
        isReadFirst: () => true,
        async writeLater(_fd, { length }) {
          await new Promise((resolve) => setTimeout(resolve, 0));
          return length;
        },
      };
      let ended = 0;
      const transfer = async (party: string) => {
        await workFor(
          { party },
          () =>
            kind === "write"
              ? writeFile(host, { file, data, offset: 0, pace, locked })
              : readFile(host, {
                file,
                buffer: new Uint8Array(4096),
                offset: 0,
                atOnce: Infinity,
              }),
        );
        ended++;
      };
      const crowd = Array.from({ length: 200 }, () => transfer("one"));
      await transfer("other");
      assertLess(ended, 50);
      await Promise.all(crowd);
    },
  });
}

Deno.test({
  name:
    "no thread, nor the event loop, waits for a change of size that has begun by its turn",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    const path = `${folder.path}/file`;
    using file = new Opened(path, "w+");
    const data = pattern(SIZE, 1);
    const asked: number[] = [];
    const gate = Promise.withResolvers<void>();
    const crowd = Array.from(
      { length: 15 },
      () => hostThreads.short.run(() => gate.promise),
    );
    let cut: PromiseWithResolvers<void> | undefined;
    const how = { file, data, offset: 0, pace, locked: () => cut?.promise };
    const end = () => {
      const { resolve } = cut!;
      cut = undefined;
      resolve();
    };
    // It stands in line when the cut begins, which is over before it is asked again.
    const host = hostThatSays([0], asked);
    const { writeLater } = host;
    const failing: HostWriter = {
      ...host,
      async writeLater(fd, data, offset) {
        const bytes = await writeLater!(fd, data, offset);
        cut = Promise.withResolvers();
        return bytes;
      },
    };
    const written = Promise.resolve(writeFile(failing, how));
    cut = Promise.withResolvers();
    gate.resolve();
    await Promise.all(crowd);
    await nextTurn();
    assertEquals([asked, hostThreads.short.count], [[], 0]);
    end();
    await nextTurn();
    assertEquals(asked, [0]);
    assertEquals(
      Deno.statSync(path).size,
      0,
      "the host is asked for its error",
    );
    end();
    await written;
    assertEquals(Deno.statSync(path).size, SIZE);
  },
});

import { assertEquals, assertRejects } from "@std/assert";
import { hostThreads } from "../../src/backends/common/host_threads.ts";
import { local } from "../../src/backends/local/mod.ts";
import { workFor } from "../../src/base/asker.ts";
import { silentLogger } from "../../src/base/log.ts";
import { CheckedFileSystem } from "../../src/vfs/checked_file_system.ts";
import { FsError } from "../../src/vfs/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { hasFfi, noFolder } from "./local/fixture.ts";

const LIMIT = 5_000;
const SIZE = 20 * 2 ** 20;
const OLD = new Uint8Array(2 ** 20).fill(1);

/** What a client asks for that stands in a line. */
const CHANGES: Record<
  string,
  (fs: CheckedFileSystem, file: object) => unknown
> = {
  WRITE: (fs, file) => fs.write(file, 0, OLD, "unstable"),
  "SETATTR of a size": (fs, file) => fs.setattr(file, { size: 1 }),
};

for (const [what, change] of Object.entries(CHANGES)) {
  Deno.test({
    name:
      `local: a ${what} that is given up while it stands in a line is not made later`,
    ignore: noFolder || !hasFfi,
    async fn() {
      const path = Deno.makeTempDirSync();
      Deno.writeFileSync(`${path}/f`, new Uint8Array(SIZE));
      const clock = new FakeClock();
      const folder = local(path, { durability: "os" });
      const fs = new CheckedFileSystem(folder, {
        name: "/",
        log: silentLogger,
        clock,
        maxUnderWay: 256,
        timeout: LIMIT,
        maxOverdue: 4,
      });
      const file = (await fs.lookup(await fs.root(), "f"))!;
      const gate = Promise.withResolvers<void>();
      await workFor({ party: "one" }, async () => {
        const crowd = Object.values(hostThreads).flatMap((threads) =>
          Array.from({ length: 20 }, () => threads.run(() => gate.promise))
        );
        const givenUp = assertRejects(
          async () => await change(fs, file),
          FsError,
          "takes too long",
        );
        clock.advance(LIMIT + 1);
        fs.sweep();
        await givenUp;
        await new Promise((resolve) => setTimeout(resolve));
        assertEquals(fs.overdue, 0, "the host is not asked for it");
        gate.resolve();
        await Promise.all(crowd);
      });
      await folder.dispose();
      assertEquals(Deno.statSync(`${path}/f`).size, SIZE);
      assertEquals(Deno.readFileSync(`${path}/f`)[0], 0);
      Deno.removeSync(path, { recursive: true });
    },
  });
}

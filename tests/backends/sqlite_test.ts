import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { behaviourSuite } from "./behaviour.ts";
import { hasFfi } from "./local/fixture.ts";
import { canWrite } from "./sqlite/fixture.ts";

const nanoseconds = 123_456_789;

behaviourSuite("sqlite in memory", () => {
  let seconds = 1_700_000_000;
  return {
    fs: sqlite(":memory:", { now: () => ({ seconds, nanoseconds }) }),
    tick: () => void seconds++,
  };
}, {
  capabilities: {
    restart: false,
    allocates: false,
  },
});

behaviourSuite("sqlite that keeps few nodes in memory", () => {
  let seconds = 1_700_000_000;
  const now = () => ({ seconds, nanoseconds });
  return {
    fs: sqlite(":memory:", { now, keptNodes: 8 }),
    tick: () => void seconds++,
  };
}, {
  capabilities: {
    restart: false,
    allocates: false,
  },
});

behaviourSuite("sqlite in a folder", () => {
  let seconds = 1_700_000_000;
  const directory = Deno.makeTempDirSync();
  const open = () =>
    sqlite(directory, { now: () => ({ seconds, nanoseconds }) });
  let fs = open();
  return {
    fs,
    tick: () => void seconds++,
    async reopen() {
      await fs.dispose();
      return fs = open();
    },
    async [Symbol.asyncDispose]() {
      await Deno.remove(directory, { recursive: true });
    },
  };
}, {
  ignore: !canWrite,
  capabilities: {
    allocates: false,
    punches: hasFfi,
    seeks: hasFfi,
  },
});

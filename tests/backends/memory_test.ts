import { memory } from "../../src/backends/memory/mod.ts";
import { behaviourSuite } from "./behaviour.ts";

behaviourSuite("memory", () => {
  let seconds = 1_700_000_000;
  return {
    fs: memory({}, { now: () => ({ seconds, nanoseconds: 123_456_789 }) }),
    tick: () => void seconds++,
  };
}, { capabilities: { restart: false } });

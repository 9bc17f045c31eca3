/**
 * Runs in a worker of its own, and carries one folder of the host: whatever the
 * host takes for a call, this thread alone waits for it.
 *
 * @module
 */

import { LoopTurn, nextTurnOfWorker, SLICE } from "../../../base/turn.ts";
import { Answering, type WorkerScope } from "./answering.ts";

new Answering(
  globalThis as unknown as WorkerScope,
  new LoopTurn(SLICE, nextTurnOfWorker),
);

import type { Awaitable } from "../../base/awaitable.ts";
import { wrongCode, wrongCount, wrongFailure, wrongStats } from "../checks.ts";
import type { FsErrorCode } from "../errors.ts";
import type { FileSystemStats, StableStorage } from "../file_system.ts";
import { CheckedDoor } from "./door.ts";

const SETTLE = { method: "settle" };

/** What a file system has made durable and lost, and whether it is sound. */
export abstract class CheckedStorage extends CheckedDoor
  implements Omit<StableStorage, "records"> {
  get stats(): FileSystemStats | undefined {
    if (this.isSound) return this.inner.stats;
    return this.calls.told("stats", () => {
      const { stats } = this.inner;
      return stats && this.calls.sound("stats", stats, wrongStats);
    }, undefined);
  }

  get unsettled(): number | undefined {
    if (this.isSound) return this.inner.unsettled;
    return this.calls.told("unsettled", () => {
      const { unsettled } = this.inner;
      return unsettled === undefined
        ? undefined
        : this.calls.sound("unsettled", unsettled, wrongCount);
    }, undefined);
  }

  get losses(): number | undefined {
    if (this.isSound) return this.inner.losses;
    // A file system that can't say has lost what there was: NaN is another than
    // before each time.
    return this.calls.told("losses", () => {
      const { losses = 0 } = this.inner;
      return this.calls.sound("losses", losses, wrongCount);
    }, NaN);
  }

  get loss(): FsErrorCode | undefined {
    if (this.isSound) return this.inner.loss;
    return this.calls.told(
      "loss",
      () => this.calls.sound("loss", this.inner.loss, wrongCode),
      undefined,
    );
  }

  get lostWrites(): number | undefined {
    if (this.isSound) return this.inner.lostWrites;
    return this.calls.told("lostWrites", () => {
      const { lostWrites = 0 } = this.inner;
      return this.calls.sound("lostWrites", lostWrites, wrongCount);
    }, 0);
  }

  settle(): Awaitable<void> {
    this.calls.admitAnswering(SETTLE);
    return this.calls.done(SETTLE, this.inner.settle!());
  }

  failure(): string | undefined {
    const failure = this.#failure();
    if (failure !== undefined || !this.calls.areTooMany) return failure;
    return `${this.overdue} calls of the file system have not returned`;
  }

  /** Gives up the calls that take too long, and says so when the file system has failed, or is sound again. */
  sweep(): void {
    this.calls.sweep();
    this.calls.failed(this.#failure());
  }

  #failure(): string | undefined {
    return this.calls.told(
      "failure",
      () => this.calls.sound("failure", this.inner.failure?.(), wrongFailure),
      "it can't say whether it is sound",
    );
  }
}

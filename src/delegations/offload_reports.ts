import {
  CALLBACK_OPERATIONS,
  callbackOperation,
} from "../backchannel/callback_ops.ts";
import { STABLE_HOW } from "../nfs4/stable_how.ts";
import type { Client } from "../state/client.ts";
import type { CopyNotifier, EndedCopy } from "../state/copies.ts";
import { RECALL_PIECES } from "../state/delegations.ts";
import { LOOK, type Piecework } from "../state/effects.ts";
import {
  InsistentCall,
  UntilHeard,
  type UntilHeardOptions,
} from "./until_heard.ts";

/** What {@linkcode OffloadReports} work with. */
export interface OffloadReportsOptions
  extends Pick<UntilHeardOptions<Report>, "router" | "clock" | "log"> {
  /** How soon one goes out again that found no way, in milliseconds. */
  readonly retryAfter: number;
}

/** What is to be heard of a copy. */
class Report extends InsistentCall {
  readonly heard: () => void;

  constructor(copy: EndedCopy, heard: () => void, now: number) {
    const { client, file, end, done, verifier } = copy;
    const operation = callbackOperation(CALLBACK_OPERATIONS.CB_OFFLOAD, {
      handle: file.handle,
      stateid: copy,
      status: end.status,
      count: done,
      committed: STABLE_HOW.indexOf(end.stability),
      verifier,
    });
    super({ client, about: copy, operation, now });
    this.heard = heard;
  }
}

/**
 * Tells clients how copies ended that went on behind their answers (RFC 7862 16.1),
 * until they have heard it: a client may wait for nothing else.
 */
export class OffloadReports implements CopyNotifier {
  readonly #options: OffloadReportsOptions;
  readonly #reports = new Map<EndedCopy, Report>();
  readonly #calls: UntilHeard<Report>;

  constructor(options: OffloadReportsOptions) {
    this.#options = options;
    this.#calls = new UntilHeard({
      ...options,
      refused: "a client refuses to hear that a copy has ended",
      heard: (report) => report.heard(),
    });
  }

  /** {@inheritDoc CopyNotifier.canNotify} */
  canNotify(client: Client): boolean {
    return this.#options.router.isProven(client);
  }

  /** {@inheritDoc CopyNotifier.notify} */
  notify(copy: EndedCopy, heard: () => void): void {
    const report = new Report(copy, heard, this.#options.clock.now());
    this.#reports.set(copy, report);
    this.#calls.add(report);
  }

  /** {@inheritDoc CopyNotifier.forget} */
  forget(copy: EndedCopy): void {
    const report = this.#reports.get(copy);
    if (report === undefined) return;
    this.#reports.delete(copy);
    this.#calls.end(report);
  }

  /** A client's callbacks have a way again; what there is to be sent then. */
  pathRegained(client: Client): Piecework | undefined {
    return this.#calls.pathRegained(client);
  }

  /** Sends once more what has found no way for a while. */
  *sweep(): Piecework {
    for (const report of this.#reports.values()) {
      yield this.#calls.sendIfLost(report, this.#options.retryAfter)
        ? RECALL_PIECES
        : LOOK;
    }
    yield* this.#calls.sendWaiting();
  }

  /** Sends nothing more. */
  close(): void {
    this.#calls.close();
    this.#reports.clear();
  }
}

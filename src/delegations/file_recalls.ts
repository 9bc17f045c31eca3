import { nextTurn } from "../base/turn.ts";
import { type Delegation, recallDelegation } from "../state/delegations.ts";
import type { ServerState } from "../state/server_state.ts";
import type { FileRef } from "../vfs/file_handle.ts";
import type { Contention } from "./contention.ts";
import type { RecallQueue } from "./recall_queue.ts";

/** What {@linkcode FileRecalls} works with. */
export interface FileRecallsOptions {
  readonly state: ServerState;
  readonly recalls: RecallQueue;
  readonly contention: Contention;
  /** The same as {@linkcode DelegationPolicy.insist}. */
  readonly insist: (delegation: Delegation) => void;
}

/** Callbacks that a change from outside sends in one turn. */
const RECALLS_AT_ONCE = 32;
/** Files of which it is remembered that they were changed before all was reclaimed. */
export const MAX_IN_GRACE = 10_000;

/**
 * Recalls of all delegations of a file, for changes that no client asked for; and
 * which delegations are recalled as soon as they are reclaimed, for whatever change
 * was made before.
 */
export class FileRecalls {
  readonly #options: FileRecallsOptions;
  /** Files that were asked back before their delegations were reclaimed. */
  readonly #inGrace = new Map<string, Promise<void>>();
  /** Files that were changed, or asked back, before their delegations were reclaimed. */
  readonly #changed = new Set<string>();
  readonly #graceEnded = Promise.withResolvers<void>();
  #isGraceOver = false;

  constructor(options: FileRecallsOptions) {
    this.#options = options;
  }

  /** Whether a file may be another than it was to who reclaims a delegation of it. */
  mayHaveChanged(file: FileRef): boolean {
    // Where there are more than can be remembered it may be any.
    return this.#changed.has(file.key) || this.#changed.size >= MAX_IN_GRACE;
  }

  /** A file is about to change, while clients may yet reclaim what they had of it before the restart. */
  noteChange(file: FileRef): void {
    if (this.#isGraceOver || this.#changed.size >= MAX_IN_GRACE) return;
    this.#changed.add(file.key);
  }

  /** Resolves when no delegation of the file is out. */
  recall(file: FileRef): Promise<void> {
    const now = this.#recallNow(file);
    if (!this.#options.state.grace.isActive || this.#isGraceOver) return now;
    this.noteChange(file);
    const known = this.#inGrace.get(file.key);
    if (known !== undefined) return known;
    const recalled = now.then(() => this.#graceEnded.promise)
      .then(() => this.#recallNow(file));
    this.#inGrace.set(file.key, recalled);
    return recalled;
  }

  /** No client reclaims any more. */
  endGrace(): void {
    this.#isGraceOver = true;
    this.#inGrace.clear();
    this.#changed.clear();
    this.#graceEnded.resolve();
  }

  async #recallNow(file: FileRef): Promise<void> {
    const { state, recalls, contention, insist } = this.#options;
    const waiting: Promise<void>[] = [];
    const { delegations } = state.files.get(file) ?? {};
    for (const delegation of [...delegations?.values() ?? []]) {
      if (waiting.length % RECALLS_AT_ONCE === RECALLS_AT_ONCE - 1) {
        await nextTurn();
      }
      if (state.expireIfLapsed(delegation.client)) continue;
      if (delegation.isRecalled) insist(delegation);
      else recallDelegation(state, delegation, "local");
      const recall = recalls.get(delegation);
      if (recall === undefined) continue;
      waiting.push(new Promise((resolve) => recall.waiting.push(resolve)));
    }
    await Promise.all(waiting);
    contention.note(file.key);
  }
}

/**
 * One who works on a server that is going to be killed.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Status } from "../../src/nfs4/constants.ts";
import type { Stability } from "../../src/vfs/mod.ts";
import type { Step } from "../backends/sqlite/crash_model.ts";
import {
  type CompoundReply,
  ConnectionLost,
  FileType,
  hex,
  op,
  type PreparedCompound,
  type Session,
  SessionFlag,
} from "../support/client/mod.ts";
import type { SeededRandom } from "../support/seeded_random.ts";
import { nextStep, requestsOf } from "./steps.ts";
import { readTree } from "./tree.ts";
import { WireModel } from "./wire_model.ts";

const STABILITY: readonly Stability[] = ["unstable", "data", "file"];

/** A step that was sent and not answered. */
interface Unanswered {
  readonly step: Step;
  readonly prepared: PreparedCompound;
}

/**
 * Works in a folder of its own on a slot of its own, one step after the other,
 * and remembers what was answered.
 */
export class Worker {
  /** Steps that were answered. */
  answered = 0;
  /** Unanswered steps that had happened, and that had not. */
  readonly outcomes = { happened: 0, not: 0 };
  readonly #name: string;
  readonly #slotid: number;
  readonly #random: SeededRandom;
  #root!: Uint8Array;
  #model = new WireModel();
  readonly #handles = new Map<bigint, Uint8Array>();
  #unanswered: Unanswered | undefined;
  #names = 0;
  /** What writes of this start of the server were answered with. */
  #verifier: string | undefined;
  #oldVerifier: string | undefined;

  constructor(
    name: string,
    { slotid, random }: { slotid: number; random: SeededRandom },
  ) {
    this.#name = name;
    this.#slotid = slotid;
    this.#random = random;
  }

  /** Makes the folder. */
  async begin(session: Session): Promise<void> {
    const attributes = { mode: 0o755 };
    const reply = await session.compound([
      op.putrootfh(),
      op.create({ type: FileType.DIR, name: this.#name, attributes }),
      op.getfh(),
    ]);
    this.#root = reply.get("GETFH").filehandle;
  }

  /** Works until the server is gone. */
  async work(session: Session): Promise<void> {
    for (;;) {
      const name = `n${this.#names++}`;
      const step = nextStep(this.#model, { random: this.#random, name });
      const requests = requestsOf(step, { root: this.#root, session });
      const slotid = this.#slotid;
      const prepared = session.prepare(requests, { slotid });
      this.#unanswered = { step, prepared };
      try {
        this.#learn(step, await prepared.send());
      } catch (error) {
        if (error instanceof ConnectionLost) return;
        throw new Error(`${this.#name}: ${JSON.stringify(step)}`, {
          cause: error,
        });
      }
      this.#unanswered = undefined;
    }
  }

  /** Whether what was not answered waits for the host: what became of it a restart can't tell (RFC 8881 2.10.6.5). */
  get isUntold(): boolean {
    const op = this.#unanswered?.step.op;
    return op === "punch" || op === "copy" || op === "clone";
  }

  /**
   * Sends what was not answered once more on its old session, as RFC 8881
   * 2.10.6.2 wants: only where sessions outlive the server is it carried out, once.
   * `mayBeLost`: its session ends with what another worker of it has sent.
   */
  async retry(
    session: Session,
    next: Session,
    mayBeLost: boolean,
  ): Promise<void> {
    const pending = this.#unanswered;
    if (pending === undefined) return;
    const isPersistent = (session.flags & SessionFlag.PERSIST) !== 0;
    try {
      const reply = await pending.prepared.send(next.connection);
      if (!isPersistent) throw new Error("a dead session was answered");
      // Carried out only now, for what a crash may have lost (RFC 8881 18.3.3).
      const isLate = pending.step.op === "commit" &&
        hex(reply.get("COMMIT").verifier) !== this.#verifier;
      if (isLate) return;
      this.#learn(pending.step, reply);
      this.#unanswered = undefined;
    } catch (error) {
      const { status } = error as { status?: number };
      // It had changed nothing that lasts, and may not change anything yet.
      if (isPersistent && status === Status.GRACE) return;
      if (mayBeLost && status === Status.BADSESSION) return;
      if (isPersistent || status !== Status.BADSESSION) throw error;
    }
  }

  /** Compares what is there with what was answered, and goes on from there. */
  async compare(session: Session): Promise<void> {
    const actual = await readTree(session, this.#root, this.#handles);
    const pending = this.#unanswered?.step;
    this.#unanswered = undefined;
    this.#oldVerifier = this.#verifier;
    this.#verifier = undefined;
    let difference = this.#without(pending).differs(actual);
    if (difference !== undefined && pending !== undefined) {
      const after = copyOf(this.#model);
      after.apply(pending, stabilityOf(pending));
      if (after.differs(actual) === undefined) {
        difference = undefined;
        this.outcomes.happened++;
      }
    } else if (pending !== undefined) this.outcomes.not++;
    if (difference !== undefined) {
      const doing = pending === undefined ? "" : JSON.stringify(pending);
      throw new Error(`${this.#name}: ${difference} ${doing}`);
    }
    this.#model = actual;
  }

  /** The tree if the pending step did not happen. */
  #without(pending: Step | undefined): WireModel {
    if (pending === undefined || !("offset" in pending)) return this.#model;
    // Its bytes may be there where others were, but never as the file's size.
    const model = copyOf(this.#model);
    const { path, offset, length } = pending;
    model.nodes.get(path)!.doubts.push([offset, offset + length]);
    return model;
  }

  #learn(step: Step, reply: CompoundReply): void {
    this.answered++;
    if (step.op === "write") {
      const { count, committed, verifier } = reply.get("WRITE");
      assertEquals(count, step.length);
      this.#learnVerifier(verifier);
      return this.#model.apply(step, STABILITY[committed]);
    }
    if (step.op === "copy") {
      const { count, committed, verifier } = reply.get("COPY").response;
      this.#learnVerifier(verifier);
      const length = Number(count);
      // As a COPY that takes too long ends, and the client asks for the rest.
      assert(length > 0 && length <= step.length, `${length} bytes`);
      return this.#model.apply({ ...step, length }, STABILITY[committed]);
    }
    if (step.op === "commit") {
      this.#learnVerifier(reply.get("COMMIT").verifier);
    }
    this.#model.apply(step, stabilityOf(step));
  }

  /** RFC 8881 18.32.3: the same for one start of the server, and never again. */
  #learnVerifier(bytes: Uint8Array): void {
    const verifier = hex(bytes);
    this.#verifier ??= verifier;
    assertEquals(verifier, this.#verifier, "a write verifier");
    assertNotEquals(verifier, this.#oldVerifier, "a write verifier");
  }
}

/** What a durable write is to be when it happened: all of it, or nothing. */
function stabilityOf(step: Step): Stability {
  // Of a copy it is each of its chunks.
  const isUnstable = step.op === "copy" ||
    step.op === "write" && step.stability === "unstable";
  return isUnstable ? "unstable" : "file";
}

function copyOf(model: WireModel): WireModel {
  const copy = new WireModel();
  // Names of one file stay names of one file.
  for (const [path, node] of structuredClone(model.nodes)) {
    copy.nodes.set(path, node);
  }
  return copy;
}

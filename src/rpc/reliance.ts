import { XdrReader } from "../xdr/reader.ts";
import type { XdrWriter } from "../xdr/writer.ts";
import { beginRecord, endRecord, RECORD_MARK_SIZE } from "./record_framer.ts";
import { resultsAt, type Seal } from "./security.ts";

/** What replies rely on: changes that are yet to be made durable. */
export interface Settler {
  /**
   * Makes durable what was changed up to now. Throws or rejects when it can't;
   * it must cover all that was answered so far, also what an earlier promise is
   * still at work on.
   */
  settle(): void | Promise<void>;
  /**
   * Another than before where something was changed or shown meanwhile that is yet to
   * be settled; `undefined` where that can't be told.
   */
  readonly unsettled?: number | undefined;
  /** Another than before where what was changed before was undone meanwhile. */
  readonly losses?: number;
}

/** What one reply relies on, and what becomes of it; exactly one of the last two is called, once. */
export interface Reliance {
  /** All of them must settle before the reply may leave. */
  readonly settlers: readonly Settler[];
  /** They have, and the reply leaves, if there still is a connection. */
  settled(): void;
  /**
   * They have not: writes other results than `written`, which must not leave.
   * Without a `reply` there is no peer to send it to any more.
   */
  refuse(
    failures: Failures,
    reply?: { readonly written: Uint8Array; readonly results: XdrWriter },
  ): void;
}

/** Why things could not be settled. */
export type Failures = ReadonlyMap<Settler, unknown>;

/** A reply that relies on something, by the offset of its record mark. */
export interface RelyingRecord {
  readonly at: number;
  readonly reliance: Reliance;
  readonly seal: Seal;
}

/**
 * Settles what a batch relies on, each thing once: one that fails must not keep
 * the others. Never throws or rejects; returns what failed, if anything did.
 */
export function settleAll(
  records: readonly RelyingRecord[],
): Failures | undefined | Promise<Failures | undefined> {
  const failures = new Map<Settler, unknown>();
  const settled = new Set<Settler>();
  let pending: Promise<void>[] | undefined;
  for (const { reliance } of records) {
    for (const settler of reliance.settlers) {
      if (settled.has(settler)) continue;
      settled.add(settler);
      const failed = (error: unknown): void =>
        void failures.set(settler, error);
      try {
        const work = settler.settle();
        if (work instanceof Promise) (pending ??= []).push(work.catch(failed));
      } catch (error) {
        failed(error);
      }
    }
  }
  const outcome = () => failures.size > 0 ? failures : undefined;
  return pending === undefined ? outcome() : Promise.all(pending).then(outcome);
}

/** Settles what replies rely on that no peer waits for any more: they may be asked for again. */
export function settleUnsent(records: readonly RelyingRecord[]): void {
  const settled = (failures: Failures | undefined): void => {
    for (const { reliance } of records) {
      if (failures === undefined || !isRefused(reliance, failures)) {
        reliance.settled();
      } else reliance.refuse(failures);
    }
  };
  const outcome = settleAll(records);
  if (outcome instanceof Promise) outcome.then(settled);
  else settled(outcome);
}

/** Whether a reply can't be kept. */
export function isRefused({ settlers }: Reliance, failures: Failures): boolean {
  return settlers.some((settler) => failures.has(settler));
}

/**
 * Copies the records of `batch` to `into`, those that can't be kept as their
 * refusals, those that were not sealed before as that; tells every reliance what
 * became of it.
 */
export function rewrite(
  batch: Uint8Array,
  { records, failures, into }: {
    readonly records: readonly RelyingRecord[];
    readonly failures: Failures;
    readonly into: XdrWriter;
  },
): void {
  const relying = new Map(records.map((record) => [record.at, record]));
  const xdr = new XdrReader(batch);
  while (xdr.remaining > 0) {
    const record = relying.get(xdr.position);
    const bytes = xdr.bytes.subarray(
      xdr.position,
      xdr.position + RECORD_MARK_SIZE + (xdr.uint32() & 0x7fff_ffff),
    );
    xdr.position += bytes.length - RECORD_MARK_SIZE;
    if (record === undefined) into.raw(bytes);
    else rewriteRecord(bytes, { record, failures, into });
  }
}

function rewriteRecord(
  bytes: Uint8Array,
  { record: { reliance, seal }, failures, into }: {
    readonly record: RelyingRecord;
    readonly failures: Failures;
    readonly into: XdrWriter;
  },
): void {
  const at = beginRecord(into);
  const written = bytes.subarray(resultsAt(0, seal));
  into.raw(bytes.subarray(RECORD_MARK_SIZE, resultsAt(0, seal)));
  if (isRefused(reliance, failures)) {
    reliance.refuse(failures, { written, results: into });
  } else {
    reliance.settled();
    into.raw(written);
  }
  seal.seal?.(into, resultsAt(at, seal));
  endRecord(into, at);
}

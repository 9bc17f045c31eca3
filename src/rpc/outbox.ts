import type { XdrWriter } from "../xdr/writer.ts";
import type { TransportObserver } from "./handlers.ts";
import type { WriterPool } from "./pools.ts";
import { beginRecord, endRecord } from "./record_framer.ts";
import {
  type Failures,
  isRefused,
  type Reliance,
  type RelyingRecord,
  rewrite,
  settleAll,
  settleUnsent,
} from "./reliance.ts";
import { resultsAt, type Seal } from "./security.ts";
import type { Transport } from "./transport.ts";

// Above this a batch leaves before it is complete, so that the kernel has work.
const BATCH_SIZE = 256 * 1024;
// Up to this, copying is cheaper than a write of its own.
const COPY_SIZE = 16 * 1024;

/** On what terms a reply leaves. */
export interface ReplyTerms {
  /** What it relies on. */
  readonly reliance?: Reliance | undefined;
  /** How it is protected. */
  readonly seal: Seal;
}

/** A record that left the batch with its writer, to be finished later. */
export interface DetachedRecord {
  /** Where the record goes on being written. */
  readonly writer: XdrWriter;
  /** Offset of its record mark. */
  readonly at: number;
  /** Whether nothing else needs the writer's bytes afterwards. */
  readonly isPooled: boolean;
}

interface Segment extends DetachedRecord {
  readonly end: number;
  /** Those that wait for something, by their offsets in the writer. */
  readonly relying: readonly RelyingRecord[];
}

const NONE: readonly RelyingRecord[] = [];

/** What an {@linkcode Outbox} works with. */
export interface OutboxOptions {
  /** Where the bytes go. */
  transport: Transport;
  /** Where writers come from. */
  writers: WriterPool;
  /** Called when bytes were taken, and when the last were. */
  progress: () => void;
  /** Called when a write fails; nothing is to be written after. */
  failed: (error: unknown) => void;
  /** Hears of bytes sent. */
  observer?: TransportObserver | undefined;
}

/**
 * The one way out of a connection. Records are built in a shared writer, one
 * after the other, and leave together in one write; while a write is under way
 * the next batch gathers. No record ever begins inside another.
 */
export class Outbox {
  /** Where the bytes go. */
  transport: Transport;
  readonly #options: OutboxOptions;
  readonly #ready: Segment[] = [];
  /** The batch that gathers: whole records, and one being built. */
  #open: XdrWriter | undefined;
  #relying: RelyingRecord[] = [];
  #recordAt = 0;
  /** Bytes of the last record or batch that ended: of the next, as a rule. */
  #usual = 0;
  #isBuilding = false;
  #isWriting = false;
  #willFlush = false;
  #isClosed = false;
  #pushed = 0;
  /** Bytes of the writers that hold those, whose beginning may have been taken. */
  #memory = 0;
  #sent = 0;

  /** Starts empty; holds no memory until a record begins. */
  constructor(options: OutboxOptions) {
    this.#options = options;
    this.transport = options.transport;
  }

  /** Bytes of records that the socket has not taken. */
  get queued(): number {
    return this.#pushed + (this.#open?.position ?? 0);
  }

  /** Bytes of memory that hold them, the part of a write that was taken included. */
  get memory(): number {
    return this.#memory + (this.#open?.position ?? 0);
  }

  /** Bytes that the socket took. */
  get sent(): number {
    return this.#sent;
  }

  /** Whether nothing is left to write, or nothing can be. */
  get isIdle(): boolean {
    return !this.#isWriting && (this.#isClosed || this.queued === 0);
  }

  /** Begins a record in the batch, to be written to the writer returned. */
  begin(): XdrWriter {
    const writer = this.#open ??= this.#options.writers.take(this.#usual);
    this.#isBuilding = true;
    this.#recordAt = beginRecord(writer);
    return writer;
  }

  /** Offset of the mark of the record being built. */
  get recordAt(): number {
    return this.#recordAt;
  }

  /** Ends the record that was begun; it leaves with the next flush, once what it relies on is settled. */
  end(terms?: ReplyTerms): void {
    this.#isBuilding = false;
    const writer = this.#open;
    const relying = relyingOn(terms, this.#recordAt);
    if (writer === undefined) { // closed by what built the record
      if (relying !== undefined) settleUnsent([relying]);
      return;
    }
    const at = this.#recordAt;
    endReply(writer, at, terms);
    if (relying !== undefined) this.#relying.push(relying);
    if (writer.position >= BATCH_SIZE) this.#closeBatch();
  }

  /** Takes the record that was begun back. */
  drop(): void {
    this.#isBuilding = false;
    this.#open?.truncate(this.#recordAt);
  }

  /**
   * Lets the record that was begun leave with its writer, at its old offset,
   * until {@linkcode Outbox.attach} or {@linkcode Outbox.discard}. The records
   * before it don't wait for it.
   */
  detach(): DetachedRecord {
    this.#isBuilding = false;
    const writer = this.#open ?? this.#options.writers.take();
    const at = this.#recordAt;
    this.#usual = writer.position - at;
    this.#open = undefined;
    if (at > COPY_SIZE) {
      const relying = this.#takeRelying();
      this.#push({ writer, at: 0, end: at, isPooled: false, relying });
      return { writer, at, isPooled: false };
    }
    if (at > 0) {
      this.#open = this.#options.writers.take();
      this.#open.raw(writer.subarray(0, at));
    }
    return { writer, at, isPooled: true };
  }

  /** Sends a detached record that is complete now, once what it relies on is settled. */
  attach(record: DetachedRecord, terms?: ReplyTerms): void {
    const { writer, at } = record;
    const relying = relyingOn(terms, at);
    if (this.#isClosed) {
      if (relying !== undefined) settleUnsent([relying]);
      return this.discard(record);
    }
    endReply(writer, at, terms);
    const end = writer.position;
    this.#usual = end - at;
    if (end - at > COPY_SIZE) {
      const records = relying === undefined ? NONE : [relying];
      return this.#push({ ...record, end, relying: records });
    }
    this.#open ??= this.#options.writers.take();
    if (relying !== undefined) {
      this.#relying.push({ ...relying, at: this.#open.position });
    }
    this.#open.raw(writer.subarray(at, end));
    this.discard(record);
    this.#flushLater();
  }

  /** Forgets a detached record. */
  discard(record: DetachedRecord): void {
    if (record.isPooled) this.#options.writers.give(record.writer);
  }

  /**
   * Sends a record of our own, built by `build` at once; also in the middle of
   * building another, whose batch it then doesn't join. False when closed.
   */
  send(build: (writer: XdrWriter) => void): boolean {
    if (this.#isClosed) return false;
    const writer = this.#options.writers.take();
    const at = beginRecord(writer);
    build(writer);
    if (!this.#isBuilding) {
      this.attach({ writer, at, isPooled: true });
      return true;
    }
    endRecord(writer, at);
    this.#push({
      writer,
      at,
      end: writer.position,
      isPooled: true,
      relying: NONE,
    });
    return true;
  }

  /** Starts to write the batch, unless the write under way will go on with it. */
  flush(): void {
    if (!this.#isWriting) this.#closeBatch();
  }

  /** Writes nothing more; what is queued is lost. */
  close(): void {
    this.#isClosed = true;
    this.#open = undefined;
    for (const segment of this.#ready) this.#memory -= memoryOf(segment);
    this.#ready.length = 0;
    settleUnsent(this.#takeRelying());
  }

  #flushLater(): void {
    if (this.#willFlush) return;
    this.#willFlush = true;
    queueMicrotask(() => {
      this.#willFlush = false;
      this.flush();
    });
  }

  #closeBatch(): void {
    const writer = this.#open;
    if (writer === undefined || this.#isClosed) return;
    this.#open = undefined;
    const end = writer.position;
    if (end === 0) return this.#options.writers.give(writer);
    this.#usual = end;
    const relying = this.#takeRelying();
    this.#push({ writer, at: 0, end, isPooled: true, relying });
  }

  #takeRelying(): readonly RelyingRecord[] {
    const relying = this.#relying;
    if (relying.length === 0) return NONE;
    this.#relying = [];
    return relying;
  }

  #push(segment: Segment): void {
    this.#pushed += segment.end - segment.at;
    this.#memory += memoryOf(segment);
    const { relying } = segment;
    if (relying.length === 0) return this.#enqueue(segment);
    const settled = settleAll(relying);
    if (settled instanceof Promise) {
      settled.then((failures) => this.#settled(segment, failures));
    } else this.#settled(segment, settled);
  }

  #settled(segment: Segment, failures: Failures | undefined): void {
    try {
      const isSealed = segment.relying.some(({ seal }) => seal.seal);
      if (failures !== undefined || isSealed) {
        return this.#rewrite(segment, failures ?? new Map());
      }
      for (const { reliance } of segment.relying) reliance.settled();
      this.#enqueue(segment);
    } catch (error) {
      this.#options.failed(error);
    }
  }

  /** Sends the replies that are kept, and the others' refusals, each sealed as it is to be. */
  #rewrite(segment: Segment, failures: Failures): void {
    const { writers, observer } = this.#options;
    const { writer, at, end, relying } = segment;
    const into = writers.take();
    rewrite(writer.subarray(at, end), {
      records: relying.map((record) => ({ ...record, at: record.at - at })),
      failures,
      into,
    });
    for (const { reliance } of relying) {
      if (isRefused(reliance, failures)) observer?.callRefused?.("unsettled");
    }
    this.discard(segment);
    this.#pushed += into.position - (end - at);
    const rest = { isPooled: true, relying: NONE };
    const rewritten = { writer: into, at: 0, end: into.position, ...rest };
    this.#memory += memoryOf(rewritten) - memoryOf(segment);
    this.#enqueue(rewritten);
  }

  #enqueue(segment: Segment): void {
    if (this.#isClosed) {
      this.#memory -= memoryOf(segment);
      return;
    }
    this.#ready.push(segment);
    if (!this.#isWriting) this.#write();
  }

  /** Writes until nothing is left; never rejects. */
  async #write(): Promise<void> {
    const { observer, writers, progress } = this.#options;
    this.#isWriting = true;
    try {
      for (;;) {
        if (this.#ready.length === 0) this.#closeBatch();
        const segment = this.#ready.shift();
        if (segment === undefined) break;
        const { writer, end } = segment;
        try {
          for (let at = segment.at; at < end;) {
            const taken = await this.transport.write(writer.subarray(at, end));
            at += taken;
            this.#pushed -= taken;
            this.#sent += taken;
            observer?.bytesSent?.(taken);
            progress();
          }
        } finally {
          this.#memory -= memoryOf(segment);
        }
        if (segment.isPooled) writers.give(writer);
      }
    } catch (error) {
      this.#options.failed(error);
    } finally {
      this.#isWriting = false;
      progress();
    }
  }
}

function relyingOn(
  terms: ReplyTerms | undefined,
  at: number,
): RelyingRecord | undefined {
  return terms?.reliance &&
    { at, reliance: terms.reliance, seal: terms.seal };
}

/** Ends a record. A reply that relies on something is sealed when that is settled. */
function endReply(writer: XdrWriter, at: number, terms?: ReplyTerms): void {
  if (terms !== undefined && terms.reliance === undefined) {
    const { seal } = terms;
    seal.seal?.(writer, resultsAt(at, seal));
  }
  endRecord(writer, at);
}

/** Bytes of memory that a segment holds: what its writer has, or its part of that. */
function memoryOf({ writer, end, isPooled }: Segment): number {
  return isPooled ? writer.capacity : end;
}

import {
  type Awaitable,
  type Steps,
  take,
  wait,
} from "../../base/awaitable.ts";
import { askedBy } from "../../base/asker.ts";
import { ongoingCall } from "../../base/ongoing_call.ts";
import type { Turn } from "../../base/turn.ts";
import type { CloneRange, Timestamp } from "../../vfs/mod.ts";
import {
  checkSize,
  contentChanged,
  contentOf,
  type MemoryNode,
  updateSize,
} from "./node.ts";

/** Bytes of a file. */
export interface Range {
  /** The first. */
  readonly offset: number;
  /** How many, one at least. */
  readonly length: number;
}

/** What an allocation goes by. */
interface Terms {
  readonly now: () => Timestamp;
  readonly turn: Turn;
}

/** See `MemoryFileSystem.allocate`. */
export function allocate(
  file: MemoryNode,
  range: Range,
  terms: Terms,
): Awaitable<void> {
  contentOf(file);
  checkSize("file", range.offset + range.length);
  return take(allocateInTurns(file, range, terms));
}

/**
 * What was made stays where it is not carried out to its end: a client that asks
 * again goes on from there.
 */
function* allocateInTurns(
  file: MemoryNode,
  { offset, length }: Range,
  { now, turn }: Terms,
): Steps<void> {
  const [who, call] = [askedBy(), ongoingCall()];
  const content = contentOf(file);
  const end = offset + length;
  using allocation = content.allocation(offset, end);
  while (allocation.step()) {
    if (!turn.isOver) continue;
    updateSize(file);
    yield* wait(turn.next(who));
    call?.assertGoesOn();
    // "stale" where it was removed meanwhile, and has given its memory back.
    contentOf(file);
  }
  if (content.size < end) content.resize(end);
  contentChanged(file, now());
}

/** See `MemoryFileSystem.clone`. */
export function clone(
  source: MemoryNode,
  target: MemoryNode,
  range: CloneRange,
  now: () => Timestamp,
): void {
  const content = contentOf(target);
  checkSize("file", range.targetOffset + range.length);
  content.share(contentOf(source), range);
  contentChanged(target, now());
}

/** See `MemoryFileSystem.deallocate`. */
export function deallocate(
  file: MemoryNode,
  { offset, length }: Range,
  now: () => Timestamp,
): void {
  contentOf(file).punch(offset, offset + length);
  contentChanged(file, now());
}

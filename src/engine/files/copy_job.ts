import { type Awaitable, take } from "../../base/awaitable.ts";
import { nextTurn } from "../../base/turn.ts";
import { Share, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { ChangeUnderWay } from "../../state/changes_under_way.ts";
import type { CopyState } from "../../state/copies.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { CompoundContext } from "../context.ts";
import { statusOfFailure } from "../failure.ts";
import { statusOfError } from "../status.ts";
import { undone } from "../undone.ts";
import type { ContentCopy } from "./content_copy.ts";

/** There are copies in NFSv4.2 alone. */
const MINOR_VERSION = 2;

/** A copy, and what it goes on with when its COMPOUND is answered. */
export interface CopyJob
  extends Pick<CompoundContext, "connection" | "services"> {
  readonly copy: CopyState;
  readonly content: ContentCopy;
  /** What it reads. */
  readonly source: FileRef;
}

/**
 * Has a copy go on when the answer of its COMPOUND is certain, where that tells of
 * it: a client that was told of an error writes to the file itself. Until the copy
 * ends it is a use of both files: no other client gets a delegation of them, nor an
 * open that denies it.
 */
export function goOnBehindAnswer(context: CompoundContext, job: CopyJob): void {
  const { copy, services: { state, jobs } } = job;
  const uses = usesOf(job);
  for (const each of uses) state.files.changes.begin(each);
  context.whenCertain((isKept) => {
    if (!isKept) state.copies.cancel(copy);
    jobs.begin((signal) => carryOut(job, { uses, signal }));
  });
}

function usesOf({ copy, source }: CopyJob): readonly ChangeUnderWay[] {
  const { client, file: { key } } = copy;
  const use = (file: string, access: number) => ({
    ...{ file, client },
    shares: { access, deny: Share.DENY_NONE },
  });
  return [use(key, Share.ACCESS_WRITE), use(source.key, Share.ACCESS_READ)];
}

/** Carries it out to its end, in its party's turns, and tells its client. */
async function carryOut(
  job: CopyJob,
  { uses, signal }: {
    readonly uses: readonly ChangeUnderWay[];
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { copy, content, services: { state } } = job;
  const { fs } = copy.file.export;
  const { losses } = fs;
  let status = await statusOf(job, () => copyAll(job, signal));
  // RFC 7862 16.1: what its client is told of must be there after a crash.
  const settled = await statusOf(job, () => settle(copy));
  for (const each of uses) state.files.changes.end(each);
  if (
    settled !== Status.OK && (status === Status.OK || status === Status.DELAY)
  ) {
    status = settled;
  }
  if (fs.losses !== losses) {
    status = statusOfError(undone(fs, losses), MINOR_VERSION) ?? Status.IO;
    state.copies.progress(copy, 0);
  }
  // As of a COPY that is answered at once: the client comes for the rest.
  if (status === Status.DELAY && copy.done > 0) status = Status.OK;
  // What could not be settled in time is for its client to commit.
  const stability = settled === Status.OK ? content.stability : "unstable";
  state.copies.ended(copy, { status, stability });
}

/** How a part of its work has ended. */
async function statusOf(
  { copy, services }: CopyJob,
  work: () => Awaitable<StatusCode>,
): Promise<StatusCode> {
  try {
    return await work();
  } catch (error) {
    const { file: current } = copy;
    const context = { current, minorVersion: MINOR_VERSION, services } as const;
    return statusOfFailure(context, "COPY", error);
  }
}

async function settle({ file, isCancelled }: CopyState): Promise<StatusCode> {
  if (!isCancelled) await file.export.fs.settle?.();
  return Status.OK;
}

async function copyAll(
  { copy, content, connection, services }: CopyJob,
  signal: AbortSignal,
): Promise<StatusCode> {
  const { state, turn } = services;
  // Its answer leaves first.
  await nextTurn();
  do {
    if (turn?.isOver ?? true) await (turn?.next(connection) ?? nextTurn());
    state.copies.progress(copy, content.done);
    // A client that comes back after its lease has lost nothing else, and goes on there.
    const isLapsed = state.lease.isExpired(copy.client);
    if (copy.isCancelled || signal.aborted || isLapsed) return Status.DELAY;
  } while (await take(content.step()));
  await take(content.close());
  state.copies.progress(copy, content.done);
  return Status.OK;
}

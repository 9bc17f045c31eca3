import { take } from "../../base/awaitable.ts";
import { nextTurn } from "../../base/turn.ts";
import { Share, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { CopyState } from "../../state/copies.ts";
import type { Caller } from "../../vfs/callers.ts";
import type { CompoundContext } from "../context.ts";
import { statusOfFailure } from "../failure.ts";
import type { ContentCopy } from "./content_copy.ts";
import { dropSetId } from "./set_id.ts";

/** A copy, and what it goes on with when its COMPOUND is answered. */
export interface CopyJob
  extends Pick<CompoundContext, "connection" | "services"> {
  readonly copy: CopyState;
  readonly content: ContentCopy;
  /** For whom. */
  readonly caller: Caller;
}

const SHARES = { access: Share.ACCESS_WRITE, deny: Share.DENY_NONE };

/**
 * Carries a copy out to its end, in its party's turns, and tells its client. Until
 * then it is a change under way: no other client gets a delegation of the file that
 * is written to, nor an open that denies it.
 */
export async function carryOutCopy(
  job: CopyJob,
  signal: AbortSignal,
): Promise<void> {
  const { copy, content, services } = job;
  const { state } = services;
  const { client, file: { key: file, export: { fs } } } = copy;
  const change = { file, client, shares: SHARES };
  const { changes } = state.files;
  changes.begin(change);
  const { losses } = fs;
  let status: StatusCode;
  try {
    status = await copyAll(job, signal);
    // RFC 7862 16.1: what its client is told of must be there after a crash.
    await fs.settle?.();
    if (fs.losses !== losses) status = Status.IO;
  } catch (error) {
    // There are copies in NFSv4.2 alone.
    const context = { current: copy.file, minorVersion: 2, services } as const;
    status = statusOfFailure(context, "COPY", error);
  } finally {
    changes.end(change);
  }
  if (fs.losses !== losses) state.copies.progress(copy, 0);
  // As of a COPY that is answered at once: the client comes for the rest.
  if (status === Status.DELAY && copy.done > 0) status = Status.OK;
  state.copies.ended(copy, { status, stability: content.stability });
}

async function copyAll(
  { copy, content, caller, connection, services }: CopyJob,
  signal: AbortSignal,
): Promise<StatusCode> {
  const { state, turn } = services;
  const { client, file } = copy;
  // Its answer leaves first.
  await nextTurn();
  do {
    if (turn?.isOver ?? true) await (turn?.next(connection) ?? nextTurn());
    if (!copy.isWanted || signal.aborted) return Status.DELAY;
    if (state.lease.isExpired(client)) return Status.EXPIRED;
    state.copies.progress(copy, content.done);
  } while (await take(content.step()));
  await take(content.close());
  state.copies.progress(copy, content.done);
  // Its owner may have set them meanwhile.
  await dropSetId({ services, callerOf: () => caller }, file);
  return Status.OK;
}

import { type Awaitable, type Steps, wait } from "../../base/awaitable.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import { dropDelegation } from "../../state/delegations.ts";
import type { FileState } from "../../state/file_states.ts";
import { makeRoomFor } from "../../state/lapsed.ts";
import type { ServerState } from "../../state/server_state.ts";
import { FsError } from "../../vfs/errors.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type {
  ChangeInfo,
  Created,
  CreateKind,
  CreateOptions,
} from "../../vfs/file_system.ts";
import type { JudgedEntry } from "../../vfs/judged.ts";
import type { Rights } from "../../vfs/wanted.ts";
import { NotifyType } from "../../nfs4/notifications.ts";
import type { CompoundContext } from "../context.ts";
import { FileUse, recallConflicts } from "../locking/conflicts.ts";
import {
  type ChangingContext,
  type EntryMethod,
  methodsForEntries,
} from "./changing.ts";
import { newsOf } from "./folder_news.ts";
import type { Entry } from "./entries.ts";

/** A new file, folder or other object appears. */
export interface Creation {
  readonly type: "create";
  readonly name: string;
  readonly kind: CreateKind;
  /** With the rights to the folder that were judged. */
  readonly options: CreateOptions & { readonly judged: Rights };
}

/** A file that is there gets another name. */
export interface Linking {
  readonly type: "link";
  readonly name: string;
  readonly file: FileRef;
  /** Rights to the folder. */
  readonly judged: Rights;
}

/** An entry goes, and the file with its last name. */
export interface Removal {
  readonly type: "remove";
  readonly name: string;
  readonly entry: Entry;
  /** Rights to the folder; `undefined` where the server takes back what it made. */
  readonly judged: Rights | undefined;
}

/** An entry goes, and appears in `to` under `newName`, in place of `replaced`. */
export interface Move {
  readonly type: "rename";
  readonly name: string;
  readonly entry: Entry;
  /** A folder of the same export. */
  readonly to: FileRef;
  readonly newName: string;
  /** Another file. */
  readonly replaced: Entry | undefined;
  /** Rights to both folders. */
  readonly judged: { readonly from: Rights; readonly to: Rights };
}

/** What becomes of an entry of a folder. */
export type FolderAct = Creation | Linking | Removal | Move;

/** What a {@linkcode Move} has changed: the folder it went from, and the one it went to. */
export interface Moved {
  readonly source: ChangeInfo;
  readonly target: ChangeInfo;
}

type Outcome = Created<object> | ChangeInfo | Moved;

/** The context of an operation that may change entries so. */
type ContextFor<Method extends EntryMethod> =
  | ChangingContext<Method>
  | ChangingContext<"sometimes">;

/**
 * The one door through which an entry of a folder appears, goes or moves; the
 * caller has been found to be allowed to. NFS4ERR_DELAY, and nothing has changed,
 * while another client's delegation of the folder, or of a file that gains or loses
 * a name, is recalled; FsErrors of the file system, "read-only" where nothing may be changed.
 */
export function changeFolder(
  context: ContextFor<"create">,
  folder: FileRef,
  act: Creation,
): Steps<Created<object> | StatusCode>;
export function changeFolder(
  context: ContextFor<"link">,
  folder: FileRef,
  act: Linking,
): Steps<ChangeInfo | StatusCode>;
export function changeFolder(
  context: ContextFor<"remove">,
  folder: FileRef,
  act: Removal,
): Steps<ChangeInfo | StatusCode>;
export function changeFolder(
  context: ContextFor<"rename">,
  folder: FileRef,
  act: Move,
): Steps<Moved | StatusCode>;
export function* changeFolder(
  context: CompoundContext,
  folder: FileRef,
  act: FolderAct,
): Steps<Outcome | StatusCode> {
  const status = recallAffected(context, folder, act);
  if (status !== Status.OK) return status;
  const tell = newsOf(context, folder, act);
  const losing = losingLastName(act);
  if (losing === undefined) {
    const outcome = yield* wait(carryOut(context, folder, act));
    tell?.("node" in outcome ? outcome.node : undefined);
    return outcome;
  }
  const { file, attributes: { uid: owner } } = losing;
  const { state, namespace, effects } = context.services;
  try {
    const outcome = yield* wait(carryOut(context, folder, act));
    const held = state.files.get(file);
    if (held !== undefined) loseNames(state, held, owner);
    namespace.forget(file);
    tell?.(undefined);
    return outcome;
  } catch (error) {
    if (FsError.from(error)?.code === "too-many-removed") {
      effects.begin(makeRoomFor(state, { file, owner }));
    }
    throw error;
  }
}

/** The uses of a folder by acts on its entries, of which its holders may be told instead. */
const EntryUse = {
  CREATE: { ...FileUse.CREATE, notice: NotifyType.ADD_ENTRY },
  LINK: { ...FileUse.LINK, notice: NotifyType.ADD_ENTRY },
  REMOVE: { ...FileUse.REMOVE, notice: NotifyType.REMOVE_ENTRY },
  RENAME: { ...FileUse.RENAME, notice: NotifyType.RENAME_ENTRY },
  MOVE_OUT: { ...FileUse.RENAME, notice: NotifyType.REMOVE_ENTRY },
  MOVE_IN: { ...FileUse.RENAME, notice: NotifyType.ADD_ENTRY },
} as const satisfies Record<string, FileUse>;

/**
 * NFS4ERR_DELAY while another client's delegation of a folder whose entries change,
 * or of a file whose names do, is recalled (RFC 8881 10.9.4, 18.9.4, 18.25.4,
 * 18.26.4, RFC 7530 16.26.5): all of them at once. An open, also one that denies
 * writing, keeps no client from removing a name: the file stays until it is closed.
 */
function recallAffected(
  context: CompoundContext,
  folder: FileRef,
  act: FolderAct,
): StatusCode {
  const recall = (uses: readonly (readonly [FileRef, FileUse])[]) => {
    const inWay = uses.filter((use) => recallConflicts(context, ...use));
    return inWay.length > 0 ? Status.DELAY : Status.OK;
  };
  switch (act.type) {
    case "create":
      return recall([[folder, EntryUse.CREATE]]);
    case "link":
      return recall([[folder, EntryUse.LINK], [act.file, FileUse.LINK]]);
    case "remove":
      return recall([
        [folder, EntryUse.REMOVE],
        [act.entry.file, FileUse.REMOVE],
      ]);
    case "rename": {
      const { entry, to, replaced } = act;
      const isWithin = folder.key === to.key;
      return recall([
        [folder, isWithin ? EntryUse.RENAME : EntryUse.MOVE_OUT],
        [to, isWithin ? EntryUse.RENAME : EntryUse.MOVE_IN],
        [entry.file, FileUse.RENAME],
        ...replaced === undefined ? [] : [
          [replaced.file, FileUse.RENAME] as const,
        ],
      ]);
    }
  }
}

/** The last name of what is held is gone, and of a folder nothing else stays. */
function loseNames(state: ServerState, held: FileState, owner: number): void {
  state.files.nameless.add(held, owner);
  for (const delegation of held.delegations.values()) {
    // Its holder has removed the folder: there is no handle to return it by.
    if (delegation.type !== "directory") continue;
    dropDelegation(state, delegation, "returned");
  }
}

function carryOut(
  context: CompoundContext,
  folder: FileRef,
  act: FolderAct,
): Awaitable<Outcome> {
  const fs = methodsForEntries(context, folder);
  const { node } = folder;
  const { name } = act;
  switch (act.type) {
    case "create":
      return fs.create!(node, name, act.kind, act.options);
    case "link":
      return fs.link!(act.file.node, node, name, act.judged);
    case "remove":
      return fs.remove!(node, name, judgedEntry(act.judged, act.entry));
    case "rename": {
      const from = { directory: node, name };
      const to = { directory: act.to.node, name: act.newName };
      return fs.rename!(from, to, {
        from: judgedEntry(act.judged.from, act.entry),
        to: judgedEntry(act.judged.to, act.replaced),
      });
    }
  }
}

/** What was judged of an entry, for the file system to act on nothing else. */
function judgedEntry(
  folder: Rights | undefined,
  entry: Entry | undefined,
): JudgedEntry {
  return { folder, node: entry?.file.node, rights: entry?.attributes };
}

/** What is gone with the name that the act takes from it, if anything is. */
function losingLastName(act: FolderAct): Entry | undefined {
  switch (act.type) {
    case "create":
    case "link":
      return undefined;
    case "remove":
      return act.entry.isLastName ? act.entry : undefined;
    case "rename": {
      const { replaced } = act;
      return replaced?.isLastName ? replaced : undefined;
    }
  }
}

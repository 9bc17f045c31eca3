import type { Awaitable } from "../../base/awaitable.ts";
import { Bitmap } from "../../nfs4/bitmap.ts";
import {
  type AddedEntry,
  encodeNotice,
  NotifyType,
  type RemovedEntry,
} from "../../nfs4/notifications.ts";
import {
  type Notice,
  type NoticeTerms,
  recallDelegation,
} from "../../state/delegations.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { FileAttributes, ListedName } from "../../vfs/file_system.ts";
import { XdrWriter } from "../../xdr/writer.ts";
import type { CompoundContext } from "../context.ts";
import { attributesOf } from "./attributes_of.ts";
import type { FolderAct } from "./change_folder.ts";
import { RESERVED_COOKIES } from "./cookies.ts";

/**
 * The attributes of entries that holders of a folder may be told: of the file
 * itself, and nothing that reading it changes. type, change, size, fsid,
 * filehandle, fileid, mode, numlinks, owner, owner_group, space_used, time_create,
 * time_metadata, time_modify, mounted_on_fileid.
 */
export const TOLD_ATTRIBUTES: Bitmap = Bitmap.ofNumbers([
  ...[1, 3, 4, 8, 19, 20, 33, 35, 36, 37, 45, 50, 52, 53, 55],
]);
/** A fattr4 of none. */
const NO_ATTRIBUTES = new Uint8Array(8);

/** Tells what an act has done; `made` is what it made. */
export type Tell = (made: object | undefined) => void;

/** A file, and where it is to be found. */
interface New {
  readonly folder: FileRef;
  readonly name: string;
  readonly file: FileRef;
  readonly replaced?: RemovedEntry | undefined;
}

/** What became of a folder. */
interface News {
  readonly type: NotifyType;
  /** What is gone, and where it was. */
  readonly old?: RemovedEntry | undefined;
  readonly made?: New | undefined;
}

/**
 * Tells the holders of folders that asked for it what an act is about to do to
 * them, once it is done (RFC 8881 20.4); `undefined` where none did.
 */
export function newsOf(
  context: CompoundContext,
  folder: FileRef,
  act: FolderAct,
): Tell | undefined {
  const { state: { files }, namespace } = context.services;
  if (files.delegations === 0) return undefined;
  const to = act.type === "rename" ? act.to : folder;
  const isHeard = [folder, to].some((one) => (files.get(one)?.told ?? 0) > 0);
  if (!isHeard) return undefined;
  const { name } = act;
  switch (act.type) {
    case "create":
      return (made) => {
        const file = namespace.refer(folder.export, made!);
        const type = NotifyType.ADD_ENTRY;
        tell(context, folder, { type, made: { folder, name, file } });
      };
    case "link":
      return () => {
        const type = NotifyType.ADD_ENTRY;
        tell(context, folder, { type, made: { folder, name, file: act.file } });
      };
    case "remove": {
      const old = placeOf(folder, name);
      const type = NotifyType.REMOVE_ENTRY;
      return () => tell(context, folder, { type, old });
    }
    case "rename":
      return newsOfMove(context, folder, act);
  }
}

function newsOfMove(
  context: CompoundContext,
  folder: FileRef,
  { name, entry: { file }, to, newName, replaced: over }: Extract<
    FolderAct,
    { readonly type: "rename" }
  >,
): Tell | undefined {
  // RFC 8881 18.26.3: of two names of one file none is taken.
  if (over?.file.key === file.key) return undefined;
  const old = placeOf(folder, name);
  const replaced = over && placeOf(to, newName);
  const made = { folder: to, name: newName, file, replaced };
  return () => {
    if (folder.key === to.key) {
      const type = NotifyType.RENAME_ENTRY;
      return tell(context, folder, { type, old, made });
    }
    tell(context, folder, { type: NotifyType.REMOVE_ENTRY, old });
    tell(context, to, { type: NotifyType.ADD_ENTRY, made });
  };
}

function tell(context: CompoundContext, folder: FileRef, news: News): void {
  const { state } = context.services;
  const { type } = news;
  for (const held of [...state.files.get(folder)?.delegations.values() ?? []]) {
    if (!held.isTold(type)) continue;
    const bytes = encode(context, held.notices!, news);
    // A file system that can't say where the entry is: the holder looks for itself.
    if (bytes === undefined) recallDelegation(state, held, "unheard");
    else state.files.policy.notify?.(held, { type, bytes });
  }
}

/** A notify4 for one holder. */
function encode(
  context: CompoundContext,
  terms: NoticeTerms,
  { type, old, made }: News,
): Notice["bytes"] | undefined {
  const isLost = type !== NotifyType.ADD_ENTRY && old === undefined;
  if (isLost) return undefined;
  if (made === undefined) return encodeNotice({ type, old });
  const { folder, name, file, replaced } = made;
  const place = folder.export.fs.place?.(folder.node, name);
  if (place === undefined) return undefined;
  const { previous, isLast } = place;
  const added = {
    ...shown({ name, cookie: place.cookie }),
    replaced,
    previous: previous && shown(previous),
    isLast,
  };
  const whole = (attributes: Uint8Array): Uint8Array => {
    const entry: AddedEntry = { ...added, attributes };
    return encodeNotice({ type, old, added: entry });
  };
  const attributes = attributesFor(context, terms, file);
  return attributes instanceof Promise
    ? attributes.then(whole)
    : whole(attributes);
}

/** A fattr4; without attributes where the file is gone by now. */
function attributesFor(
  { services: { attributes: table } }: CompoundContext,
  { attributes: requested, minorVersion }: NoticeTerms,
  file: FileRef,
): Awaitable<Uint8Array> {
  if (requested.isEmpty) return NO_ATTRIBUTES;
  const write = (attributes: FileAttributes): Uint8Array => {
    const offer = table.offer(minorVersion, file, attributes);
    const xdr = new XdrWriter();
    const source = table.source(file, { attributes, offer, extras: undefined });
    offer.plan(requested).write(xdr, source);
    return xdr.slice();
  };
  try {
    const found = attributesOf(file, table.wanted(requested));
    return found instanceof Promise
      ? found.then(write).catch(() => NO_ATTRIBUTES)
      : write(found);
  } catch {
    return NO_ATTRIBUTES;
  }
}

function placeOf(folder: FileRef, name: string): RemovedEntry | undefined {
  const place = folder.export.fs.place?.(folder.node, name);
  return place && shown({ name, cookie: place.cookie });
}

/** An entry with its cookie as READDIR shows it. */
function shown({ name, cookie }: ListedName): RemovedEntry {
  return { name, cookie: cookie + RESERVED_COOKIES };
}

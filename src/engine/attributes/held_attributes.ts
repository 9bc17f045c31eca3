import { Bitmap } from "../../nfs4/bitmap.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import type { Delegation, HeldAttributes } from "../../state/delegations.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { FileAttributes } from "../../vfs/file_system.ts";
import { settingToo } from "../files/changing.ts";
import { FileUse, giveWay, recallConflicts } from "../locking/conflicts.ts";
import type { CompoundContext } from "../context.ts";

/** change and size: what the holder of a write delegation knows better. */
const CHANGE_AND_SIZE = Bitmap.ofNumbers([3, 4]);

/** Another client's write delegation that these attributes are subject to. */
export function heldByAnother(
  context: CompoundContext,
  file: FileRef,
  requested: Bitmap,
): Delegation | undefined {
  const { files } = context.services.state;
  if (files.delegations === 0 || !requested.meets(CHANGE_AND_SIZE)) {
    return undefined;
  }
  for (const delegation of files.get(file)?.delegations.values() ?? []) {
    if (isHolder(context, delegation)) continue;
    // A client that holds one for writing is alone with the file.
    if (delegation.type !== "write") return undefined;
    if (!giveWay(context, delegation)) return delegation;
  }
  return undefined;
}

/**
 * A GETATTR of NFSv4.0 does not tell whose it is, but the holder's own come on
 * the connection of its other requests.
 */
function isHolder(context: CompoundContext, { client }: Delegation): boolean {
  if (context.client !== undefined) return context.client === client;
  return client.connection === context.connection;
}

/**
 * The attributes of a file as its holder sees them (RFC 8881 10.4.3). When the
 * holder does not answer in a moment its delegation is recalled, and the caller
 * is put off with NFS4ERR_DELAY.
 */
export async function askHolder(
  context: CompoundContext,
  file: FileRef,
  delegation: Delegation,
): Promise<FileAttributes | StatusCode> {
  const { policy } = context.services.state.files;
  const held = delegation.isRecalled
    ? undefined
    : await policy.query?.(delegation);
  if (held !== undefined) return await merge(file, delegation, held);
  const out = recallConflicts(context, file, FileUse.GETATTR);
  return out ? Status.DELAY : await file.export.fs.getattr(file.node);
}

async function merge(
  file: FileRef,
  delegation: Delegation,
  held: HeldAttributes,
): Promise<FileAttributes> {
  const { fs } = file.export;
  const attributes = await fs.getattr(file.node);
  delegation.isModified ||= held.size !== attributes.size ||
    held.change !== BigInt(delegation.change ?? attributes.change);
  if (!delegation.isModified) return attributes;
  // RFC 8881 10.4.3: a change and times that can't seem to go back later.
  await settingToo(file)?.setattr(file.node, { mtime: "now" });
  return { ...await fs.getattr(file.node), size: held.size };
}

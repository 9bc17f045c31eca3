import {
  type Delegation,
  type DelegationGrant,
  grantDelegation,
  type Trustee,
} from "../../state/delegations.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { ReadableFileSystem } from "../../vfs/changes.ts";
import type { CompoundContext } from "../context.ts";

/**
 * Grants a delegation, unless the file system can't see what others do to the file
 * (RFC 8881 10.4, 10.9.4): the one place where a client gets one. `trustee` is asked for
 * where that is sure.
 */
export function grantGuarded(
  { services: { state }, session, slot }: CompoundContext,
  { export: { fs }, node }: FileRef,
  grant: DelegationGrant,
  trustee: () => Trustee,
): Delegation | undefined {
  const isFolder = grant.type === "directory";
  const guard = isFolder ? fs.guardFolder?.(node) : fs.guard?.(node);
  if (guard === undefined && changesUnseen(fs, { isFolder })) {
    state.files.policy.unguarded?.(grant.type);
    return undefined;
  }
  const grantedTo = session && slot &&
    { session, slot, sequence: slot.sequence };
  return grantDelegation(state, trustee(), { ...grant, grantedTo, guard });
}

/** Whether files, or folders, that are not guarded may change by more than our calls. */
function changesUnseen(
  { guard, guardFolder, watch }: ReadableFileSystem,
  { isFolder }: { readonly isFolder: boolean },
): boolean {
  if (!isFolder) return guard !== undefined;
  return (guardFolder ?? guard ?? watch) !== undefined;
}

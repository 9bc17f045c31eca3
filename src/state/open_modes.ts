import { preservesUnlinked } from "../vfs/preserved.ts";
import type { OpenMode } from "../vfs/file_system.ts";
import type { EffectQueue } from "./effects.ts";
import type { FileState } from "./file_states.ts";

/** The modes of fs.open, by share access. */
export const OPEN_MODES: readonly OpenMode[] = [
  { read: false, write: false },
  { read: true, write: false },
  { read: false, write: true },
  { read: true, write: true },
];

/**
 * Has the file system close a file for an open that has ended, in each of its modes.
 * One of the last open's stays while clients hold delegations: they may have opened
 * the file by themselves, and it is not to go with its last name (RFC 8881 18.16.3).
 */
export function closeModes(
  effects: EffectQueue,
  file: FileState,
  modes: readonly number[],
): void {
  const { opens, delegations, file: { export: { fs } } } = file;
  const isTrusted = opens.size === 0 && delegations.size > 0;
  const [first, ...rest] = modes;
  if (first === undefined) return;
  if (isTrusted && file.keptMode === undefined && preservesUnlinked(fs)) {
    file.keptMode = first;
  } else close(effects, file, first);
  for (const mode of rest) close(effects, file, mode);
}

/** A delegation has ended: where it was the last, only opens keep the file. */
export function closeKept(effects: EffectQueue, file: FileState): void {
  const { keptMode, delegations } = file;
  if (keptMode === undefined || delegations.size > 0) return;
  file.keptMode = undefined;
  close(effects, file, keptMode);
}

function close(effects: EffectQueue, { file }: FileState, mode: number): void {
  const { node, export: { fs } } = file;
  effects.defer(() => fs.close?.(node, OPEN_MODES[mode]!));
}

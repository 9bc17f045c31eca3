import type { ExportOptions } from "../vfs/exports.ts";
import { type HasSharing, shareOut } from "../vfs/sharing.ts";

/** An export of a server of this process. */
export interface ServedExport extends Pick<ExportOptions, "path" | "fs"> {
  /** Where its server listens. */
  readonly address: string;
}

/** Servers of one process know nothing of each other's locks: so what they serve is known here. */
const served = new Set<ServedExport>();

/** The servers' own parts of what the process has once. */
const budgets = new Set<HasSharing>();

/** What other servers of this process serve by now. */
export function servedByOthers(): readonly ServedExport[] {
  return [...served];
}

/** What the process has once is for all that is there by now. */
function share(): void {
  shareOut([...[...served].map(({ fs }) => fs), ...budgets]);
}

/** Counts the budgets of a server among those of all until `ended` settles. */
export function countBudgets(
  own: readonly HasSharing[],
  ended: Promise<void>,
): void {
  for (const budget of own) budgets.add(budget);
  share();
  const end = () => {
    for (const budget of own) budgets.delete(budget);
    share();
  };
  ended.then(end, end);
}

/** Counts these exports as served at `address` until `ended` settles. */
export function countServed(
  exports: readonly ExportOptions[],
  { address, ended }: {
    readonly address: string;
    readonly ended: Promise<void>;
  },
): void {
  const added = exports.map(({ path, fs }) => ({ path, fs, address }));
  for (const each of added) served.add(each);
  share();
  const end = () => {
    for (const each of added) {
      served.delete(each);
      shareOut([each.fs]);
    }
    share();
  };
  ended.then(end, end);
}

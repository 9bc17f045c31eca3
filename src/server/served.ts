import type { ExportOptions } from "../vfs/exports.ts";
import { shareOut } from "../vfs/sharing.ts";

/** An export of a server of this process. */
export interface ServedExport extends Pick<ExportOptions, "path" | "fs"> {
  /** Where its server listens. */
  readonly address: string;
}

/** Servers of one process know nothing of each other's locks: so what they serve is known here. */
const served = new Set<ServedExport>();

/** What other servers of this process serve by now. */
export function servedByOthers(): readonly ServedExport[] {
  return [...served];
}

/** What the process has once is for all that is served by now. */
function share(): void {
  shareOut([...served].map(({ fs }) => fs));
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

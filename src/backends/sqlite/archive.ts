export { exportTree } from "./tar/export.ts";
export { importTree } from "./tar/import.ts";
export type {
  ArchiveOptions,
  ArchiveProgress,
  ImportOptions,
} from "./tar/progress.ts";

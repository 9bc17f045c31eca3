export { exportTree } from "./tar/export.ts";
export { importTree } from "./tar/import.ts";
export type {
  ArchiveOptions,
  ArchiveProgress,
  ExportOptions,
  ImportOptions,
} from "./tar/progress.ts";

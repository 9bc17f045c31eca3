/** How far an export or import has come. */
export interface ArchiveProgress {
  /** Files, folders and other nodes done. */
  readonly files: number;
  /** Bytes of content done. */
  readonly bytes: number;
}

/** How an export or import tells of itself. */
export interface ArchiveOptions {
  /** Called after each member and each piece of content. */
  readonly progress?: ((done: ArchiveProgress) => void) | undefined;
  /** Called for what an archive can't hold, or the store can't take. */
  readonly skipped?: ((path: string, reason: string) => void) | undefined;
}

/** How an export is done. */
export interface ExportOptions extends ArchiveOptions {
  /** Called for what can't be read: it is left out, or zeros are in its place. */
  readonly lost?: ((path: string, reason: string) => void) | undefined;
}

/** How an import is done. */
export interface ImportOptions extends ArchiveOptions {
  /** Unpack over what is in the store; otherwise it has to be empty. */
  readonly merge?: boolean | undefined;
}

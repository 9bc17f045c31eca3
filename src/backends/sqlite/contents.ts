/**
 * Where the bytes of larger files are: beside the database, one file each.
 * Nothing here knows of sizes; a place that was never written reads as zeros.
 */
export interface Contents {
  /** Fills `target` from `offset` on, zeros where nothing was written. */
  read(fileid: number, offset: number, target: Uint8Array): void;
  /** Writes all of `data`, or throws; part of it may be written then. */
  write(fileid: number, offset: number, data: Uint8Array): void;
  /** Takes away what is at `size` and beyond. */
  cut(fileid: number, size: number): void;
  /** Bytes to the end of what was written, and bytes that it takes. */
  measure(fileid: number): { readonly size: number; readonly used: number };
  /** Brings what was written to stable storage, while others work. */
  sync(fileid: number): Promise<void>;
  /** The same, at once. */
  syncNow(fileid: number): void;
  /** Removes all of it. */
  remove(fileid: number): void;
  /** Paths of what belongs to none of the files in use: a crash can leave some. */
  strays(isInUse: (fileid: number) => boolean): string[];
  /** Ends the work. */
  close(): Promise<void>;
}

import { hasMethod, type ReadableFileSystem } from "../../vfs/changes.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type {
  FileAttributes,
  FileSystemStatus,
} from "../../vfs/file_system.ts";
import type { XdrWriter } from "../../xdr/writer.ts";
import type { AttributeDecoder } from "../attribute_decoders.ts";
import type { Bitmap } from "../bitmap.ts";
import type { MinorVersion, StatusCode } from "../constants.ts";

/** What attributes are written from. */
export interface AttributeSource {
  /** Whose attributes they are. */
  file: FileRef;
  /** What the file system says of it. */
  attributes: FileAttributes;
  /** Room in the file system; there when a wanted row `needs` it. */
  space: FileSystemStatus | undefined;
  /** named_attr, where a wanted row `needs` it. */
  hasNamedAttributes: boolean;
  /** fileid of what the file covers (RFC 8881 5.8.2.23). */
  mountedOnFileid: number;
  /** Why the other attributes are missing (rdattr_error, RFC 8881 5.8.1.12). */
  error: StatusCode;
  /** supported_attrs. */
  supported: Bitmap;
  /** suppattr_exclcreat. */
  exclusive: Bitmap;
  /** lease_time in seconds. */
  leaseSeconds: number;
  /** maxread in bytes. */
  maxRead: number;
  /** maxwrite in bytes. */
  maxWrite: number;
}

/** What only some attributes need that a file system tells: {@linkcode AttributeSource.space}, and whether there are named attributes. */
export type Extra = "space" | "named attributes";

/** For what attributes are set: `create` for CREATE and OPEN, `set` for SETATTR. */
export type SetPurpose = "create" | "set";

/** What support depends on, besides the table. */
export interface AttributeTerms {
  /** The minor version. */
  readonly minorVersion: MinorVersion;
  /** What can be done to the file system shows in the methods that it has. */
  readonly fs: ReadableFileSystem;
  /** Whether the file's creation time is known. */
  readonly birthtime: boolean;
}

/** An attribute's row in the table. */
export interface AttributeRow {
  /** Bit in a bitmap4. */
  readonly number: number;
  /** Name as in the RFC. */
  readonly name: string;
  /** First minor version that knows it; 0 if left out. */
  readonly since?: MinorVersion;
  /** Per file system and not per file (RFC 8881 5.4). */
  readonly perFileSystem?: boolean;
  /** What it takes besides `source.attributes` that the file system is asked for. */
  readonly needs?: Extra;
  /** What it takes of `source.attributes`, be it only whether that is there. */
  readonly reads?: readonly (keyof FileAttributes)[];
  /** Where it is not supported everywhere: whether it is here. */
  readonly supported?: (terms: AttributeTerms) => boolean;
  /** Writes it; absent when it can only be set. */
  readonly get?: (xdr: XdrWriter, source: AttributeSource) => void;
  /** Reads it; absent when it can't be set. */
  readonly set?: AttributeDecoder;
  /** Where it can't be set for both: for which alone. */
  readonly setOnlyFor?: SetPurpose;
}

/** Whether any attribute can be set. */
export function canSet({ fs }: AttributeTerms): boolean {
  return hasMethod(fs, "setattr");
}

/** Whether files have access lists. */
export function hasLists({ fs }: Pick<AttributeTerms, "fs">): boolean {
  return fs.limits?.accessLists === true;
}

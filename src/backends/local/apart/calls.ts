import type {
  AttributeChanges,
  ChangeInfo,
  CloneRange,
  ContentKind,
  CreateKind,
  CreateOptions,
  FileSystemLimits,
  FileSystemStatus,
  HostFolder,
  OpenMode,
  SetXattrOption,
  Stability,
} from "../../../vfs/file_system.ts";
import type { AccessList } from "../../../vfs/access_list.ts";
import type { Rights } from "../../../vfs/wanted.ts";
import type { LocalOptions } from "../options.ts";
import type { SentFault } from "./faults.ts";

/*
 * What crosses between the server's thread and a worker that carries a folder:
 * only what a structured clone keeps.
 */

/** A node: its number, which is the worker's, and what its identity is made of. */
export type SentNode = readonly [number: number, inode: number, tag: number];

/** Attributes as numbers (`attribute_rows.ts`), and the access list that goes with them. */
export interface SentAttributes {
  readonly row: Float64Array;
  /** Where the mode alone does not say it all. */
  readonly list?: AccessList;
  /** Why the list could not be had. */
  readonly listFault?: SentFault;
}

/** A part of a folder. */
export interface SentPage {
  readonly names: readonly string[];
  /** Of each entry: `ENTRY_COLUMNS` of `sent_pages.ts`. */
  readonly rows: Float64Array;
  readonly end: boolean;
}

/** What was read. */
export interface SentContent {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly eof: boolean;
}

/** What was made. */
export interface SentCreated {
  readonly node: SentNode;
  readonly change: ChangeInfo;
  readonly created: boolean;
}

/** A name in a folder. */
export interface SentName {
  readonly directory: number;
  readonly name: string;
}

/** What an entry was judged by. */
export interface SentJudged {
  readonly folder: Rights | undefined;
  readonly node: number | undefined;
  readonly rights: Rights | undefined;
}

/** What the file system tells of itself once and for all. */
export interface SentStart {
  readonly limits: FileSystemLimits;
  readonly folder: HostFolder;
  readonly limitations: readonly string[];
  /** Whether files can be watched for what the host's own programs do. */
  readonly canGuard: boolean;
  /** Whether its host keeps extended attributes. */
  readonly hasXattrs: boolean;
  readonly root: SentNode;
}

/** The options that cross: no functions. */
export type SentOptions = Omit<LocalOptions, "now" | "apart">;

/** What workers have carried of the folder before: nothing of that is to be taken for what this one carries. */
export interface SentPast {
  /** How many of them there were. */
  readonly workers: number;
  /** The highest number of their nodes. */
  readonly last: number;
}

/** The calls that the worker carries out, by their arguments and results; nodes are their numbers. */
export interface Calls {
  start(directory: string, options: SentOptions, past: SentPast): SentStart;
  resolve(identity: Uint8Array): SentNode;
  getattr(node: number, wanted: number): SentAttributes;
  lookup(directory: number, name: string): SentNode | undefined;
  parent(directory: number): SentNode;
  readdir(
    directory: number,
    cookie: number,
    limit: number,
    wanted: number,
  ): SentPage;
  read(file: number, offset: number, length: number): SentContent;
  readlink(symlink: number): string;
  status(): FileSystemStatus;
  open(file: number, mode: OpenMode): void;
  close(file: number, mode: OpenMode): void;
  setattr(node: number, changes: AttributeChanges, judged?: Rights): void;
  write(
    file: number,
    offset: number,
    data: Uint8Array,
    stability: Stability,
  ): Stability;
  allocate(file: number, offset: number, length: number): void;
  deallocate(file: number, offset: number, length: number): void;
  clone(source: number, target: number, range: CloneRange): void;
  seek(file: number, offset: number, what: ContentKind): number | undefined;
  getxattr(node: number, name: string): Uint8Array | undefined;
  listxattrs(node: number): readonly string[];
  setxattr(
    node: number,
    name: string,
    value: Uint8Array,
    option: SetXattrOption,
    judged?: Rights,
  ): ChangeInfo;
  removexattr(node: number, name: string, judged?: Rights): ChangeInfo;
  commit(file: number): void;
  create(
    directory: number,
    name: string,
    kind: CreateKind,
    options: CreateOptions,
  ): SentCreated;
  link(
    node: number,
    directory: number,
    name: string,
    judged?: Rights,
  ): ChangeInfo;
  remove(directory: number, name: string, judged?: SentJudged): ChangeInfo;
  rename(
    from: SentName,
    to: SentName,
    judged?: { readonly from: SentJudged; readonly to: SentJudged },
  ): { readonly source: ChangeInfo; readonly target: ChangeInfo };
  dispose(): void;
}

/** The name of a call. */
export type Method = keyof Calls;

/** To the worker: a call, which is answered under its number. */
export interface SentCall<M extends Method = Method> {
  readonly call: number;
  readonly method: M;
  readonly args: Parameters<Calls[M]>;
}

/** To the worker: for whom the calls from here on are. */
export interface SentAsker {
  readonly party: string;
  /** Its number; 0 is the server itself. */
  readonly connection: number;
}

/** To the worker: a call that is waited for no longer, whether it was answered or not. */
export interface SentGivingUp {
  readonly givenUp: number;
}

/** To the worker: what is not answered. */
export type Notice =
  /** The server's side holds these nodes no more: pairs of a number and how often it was received. */
  | { readonly released: readonly number[] }
  /** Watch a file under this number, and tell of it when it changes. */
  | { readonly guard: number; readonly file: number }
  /** Watch it no more. */
  | { readonly unguard: number }
  /** So many file systems share the descriptors of the process. */
  | { readonly sharers: number };

/** What is sent to the worker: several at once, in their order. */
export type ToWorker = readonly (
  | SentCall
  | SentAsker
  | SentGivingUp
  | Notice
)[];

/** From the worker: the answer to a call. */
export type Answer =
  | { readonly call: number; readonly value: unknown }
  | { readonly call: number; readonly fault: SentFault };

/** From the worker: what comes of itself. */
export type News =
  /** The host has changed a guarded file, or it can't be watched. */
  | { readonly recall: number }
  /** So many more syncs of the host have failed. */
  | { readonly lostWrites: number };

/** What is sent from the worker: several at once, in their order. */
export type FromWorker = readonly (Answer | News)[];

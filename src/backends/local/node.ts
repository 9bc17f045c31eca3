import type { FileType, Timestamp } from "../../vfs/file_system.ts";
import type { AccessList, AccessListHolder } from "../../vfs/access_list.ts";
import type { AccessLists, KnownList } from "./access_lists.ts";
import type { Descriptor } from "./descriptor.ts";
import type { HostStat, OpenFolder } from "./host.ts";

/** Where a node was seen last. */
export interface Place {
  /** The folder that it was in. */
  readonly parent: LocalNode;
  /** The name in it. */
  readonly name: string;
}

/** Hard links that are remembered of one file; further ones are searched for. */
const MAX_PLACES = 8;

/** The tag of a node that was only glanced at. */
export const UNASKED = -1;

/** A file or folder of the host. */
export class LocalNode implements AccessListHolder {
  /** Inode number: unique while the file exists. */
  readonly inode: number;
  /** 32 bits that tell it from earlier and later files of the same inode number; {@linkcode UNASKED} before it has an identity. */
  readonly tag: number;
  /** Its type; an inode never changes it. */
  readonly type: FileType;
  readonly #birth: Timestamp | undefined;
  readonly #incarnation: number | undefined;

  /** Names it was found under, latest first: hints, checked at every use. Empty for the root. */
  places: Place[] = [];
  /** No name is left; an open descriptor may still lead to the content. */
  isGone = false;

  /** A folder that is held open. */
  folder: OpenFolder | undefined;
  /** When the way from the root to this folder was last checked, in milliseconds. */
  checkedAt = -Infinity;

  /** A regular file that is held open. */
  descriptor: Descriptor | undefined;
  /** How many clients opened it for reading. */
  readers = 0;
  /** How many clients opened it for writing. */
  writers = 0;
  /** How many descriptors that could write we have given up: not closed yet, and closed. */
  closing = 0;
  closed = 0;
  /** Whether clients are trusted with it: they may have opened it by themselves. */
  isGuarded = false;

  /** What the host told of it last, and in which moment. */
  told: HostStat | undefined;
  toldIn = -1;

  /** Where its access list is asked for. */
  lists: AccessLists | undefined;
  /** The list, where that is known. */
  list: KnownList | undefined;

  /** The change counter as last told; see change_counter.ts. */
  change = 0;
  /** We changed it since. */
  isTouched = false;
  /** What it looked like then. */
  seen: HostStat | undefined;

  constructor(stat: HostStat, tag: number) {
    this.inode = stat.fileid;
    this.tag = tag;
    this.type = stat.type;
    this.#birth = stat.birthtime;
    this.#incarnation = stat.incarnation;
  }

  /** Whether `stat` is of this very file, not of another with the same inode number. */
  is(stat: HostStat): boolean {
    const birth = stat.birthtime;
    return stat.fileid === this.inode && stat.type === this.type &&
      stat.incarnation === this.#incarnation &&
      birth?.seconds === this.#birth?.seconds &&
      birth?.nanoseconds === this.#birth?.nanoseconds;
  }

  /** It was found as `name` in `parent`; `links` is how many names it has. */
  foundAt(parent: LocalNode, name: string, links: number): void {
    const first = this.places[0];
    if (
      this.places.length === 1 && first?.parent === parent &&
      first.name === name
    ) return;
    if (links === 1 || this.type === "directory") {
      this.places = [{ parent, name }];
      return;
    }
    this.lostAt(parent, name);
    this.places.unshift({ parent, name });
    if (this.places.length > MAX_PLACES) this.places.pop();
  }

  /** It is no longer `name` in `parent`. */
  lostAt(parent: LocalNode, name: string): void {
    this.places = this.places.filter((place) =>
      place.parent !== parent || place.name !== name
    );
  }

  accessList(): AccessList | undefined {
    return this.lists?.of(this);
  }

  givenList(): AccessList | undefined {
    return this.lists?.given(this);
  }

  /** Whether a client has it open. */
  get isOpen(): boolean {
    return this.readers + this.writers > 0;
  }

  /** Whether one may have: it has to go on when it loses its last name. */
  get isNeeded(): boolean {
    return this.isOpen || this.isGuarded;
  }
}

/** A node is not where it was seen last; code that catches this looks for it. */
export class Misplaced extends Error {
  override readonly name = "Misplaced";
  /** The node that has to be found. */
  readonly node: LocalNode;

  constructor(node: LocalNode) {
    super(`inode ${node.inode} is not where it was`);
    this.node = node;
  }
}

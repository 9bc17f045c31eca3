import { fileSystemType } from "./file_system_type.ts";
import { EntryPins } from "./entry_pins.ts";
import type { HostStat, OpenFolder } from "./host.ts";
import { birthHash } from "./host.ts";
import type { HostCalls } from "../common/host_calls.ts";
import { type HostHandle, HostHandles } from "./host_handles.ts";
import { LinuxHost } from "./linux_host.ts";

const OVERLAYFS = 0x794c7630;
const AT_EMPTY_PATH = 0x1000;
/** A handle that need not lead back to its file: overlayfs has these for all. */
const AT_HANDLE_FID = 0x200;
const EMPTY = new Uint8Array(1);
/** All layers are one file system to clients. */
const DEVICE = 0;
/** Numbers from here on tell by their upper bits which layer a file is of (`inodeNumber`). */
const LAYERS_FROM = 2 ** 42;

/** What is missing for such a folder on any other host, for the user. */
export const BLIND_TO_LAYERS =
  "on overlayfs no handles that outlive the first change of a file";

/** Whether a folder is made of layers, as in a container; not that it is, where that may not be asked. */
export function isLayered(path: string): boolean {
  return fileSystemType(path) === OVERLAYFS;
}

/**
 * A folder on overlayfs. Its first change gives a file of a lower layer another time
 * of birth, layers may have the same inode numbers, and files of each may be told to
 * be of a device of its own. What stays with a file, and is its alone, is the handle
 * that the kernel has for it: its number is made of that.
 */
export class OverlayHost extends LinuxHost {
  override readonly seesLayers: boolean = true;
  protected override readonly listsNumbers: boolean = false;
  readonly #handles: HostHandles;
  readonly #device: number;

  private constructor(calls: HostCalls, path: string) {
    super(calls);
    this.#handles = new HostHandles(calls);
    const root = this.openRoot(path);
    this.#device = super.statFile(root.fd).device;
    this.closeFolder(root);
  }

  /** `undefined` where the kernel has no such handles (before Linux 6.6), or can't tell mounts. */
  static of(calls: HostCalls, path: string): OverlayHost | undefined {
    if (EntryPins.of(calls) === undefined) return undefined;
    const host = new OverlayHost(calls, path);
    const root = host.openRoot(path);
    const handle = root.fd < 0 ? undefined : host.#handleOf(root.fd);
    host.closeFolder(root);
    return handle && host;
  }

  override statFile(fd: number): HostStat {
    const stat = super.statFile(fd);
    const handle = this.#handleOf(fd);
    // Of a layer without handles; what is mounted has been told before.
    if (handle === undefined) return { ...stat, device: DEVICE };
    const fileid = numberOf(handle, [
      Math.floor(stat.fileid / LAYERS_FROM),
      stat.device === this.#device ? 0 : stat.device,
    ]);
    return { ...stat, fileid, birthtime: undefined, device: DEVICE };
  }

  override tag(_folder: OpenFolder, _name: string, stat: HostStat): number {
    return birthHash(stat) >>> 0;
  }

  #handleOf(fd: number): HostHandle | undefined {
    return this.#handles.of(fd, EMPTY, AT_EMPTY_PATH | AT_HANDLE_FID);
  }
}

/** 1 to 2^53 - 1: two hashes, and what tells the layers apart that have no names in their handles. */
function numberOf(
  { type, bytes }: HostHandle,
  layer: readonly number[],
): number {
  let a = 0x9e3779b9;
  let b = 0x85ebca6b;
  const add = (word: number) => {
    a = Math.imul(a ^ word, 0x9e3779b1);
    a ^= a >>> 15;
    b = Math.imul(b ^ word, 0x5bd1e995);
    b ^= b >>> 13;
  };
  for (const word of [type, ...layer]) add(word);
  for (const byte of bytes) add(byte);
  a = Math.imul(a ^ (b >>> 16), 0x7feb352d);
  b = Math.imul(b ^ (a >>> 15), 0x846ca68b);
  const high = (a ^ (a >>> 16)) & 0x1fffff;
  return high * 0x1_0000_0000 + ((b ^ (b >>> 15)) >>> 0) || 1;
}

import type { SharedPlaces } from "../../base/shared_places.ts";
import { hostThreads } from "../common/host_threads.ts";
import { isFarFrom } from "../common/long_calls.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Host, HostStat } from "./host.ts";

/**
 * The threads by which an open file is brought to `size`; `undefined` where that
 * takes next to nothing. It may take long if only since the host has it wait: for
 * other threads that read, or for what it keeps of the last block.
 */
export function threadsToResize(
  host: Host,
  { descriptor, stat }: {
    readonly descriptor: Descriptor;
    readonly stat: HostStat;
  },
  size: number,
): SharedPlaces | undefined {
  const { fd, isTransferring } = descriptor;
  if (isFarFrom(stat, size)) return hostThreads.long;
  const isHeldUp = isTransferring ||
    size < stat.size && host.isReadFirst(fd, size, size);
  return isHeldUp ? hostThreads.short : undefined;
}

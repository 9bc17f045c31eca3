import { hostCode } from "../../base/host_error.ts";
import type { Host } from "./host.ts";
import { openHostCalls } from "../common/host_calls.ts";
import { HostedFileSystem } from "./hosted_file_system.ts";
import { LinuxHost } from "./linux_host.ts";
import type { HostedOptions } from "./options.ts";
import { isLayered, OverlayHost } from "./overlay_host.ts";
import { PortableHost } from "./portable_host.ts";

/** The folder `directory`, by the host's calls on this thread; throws an `Error` with a message for the user. */
export function hostedFileSystem(
  directory: string,
  options: HostedOptions,
): HostedFileSystem {
  const path = checkFolder(directory);
  return new HostedFileSystem(chooseHost(path, options), path, options);
}

function checkFolder(directory: string): string {
  try {
    const path = Deno.realPathSync(directory);
    // One entry is enough to know that it is a folder, and ours to read.
    Deno.readDirSync(path)[Symbol.iterator]().next();
    return path;
  } catch (error) {
    throw new Error(`can't serve ${directory}: ${reason(error)}`, {
      cause: error,
    });
  }
}

function reason(error: unknown): string {
  switch (hostCode(error)) {
    case "ENOENT":
      return "no such folder";
    case "ENOTDIR":
      return "not a folder";
    case "EACCES":
    case "EPERM":
      return "no permission to read it";
    case "ELOOP":
      return "too many symlinks";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

function chooseHost(path: string, { ffi }: HostedOptions): Host {
  const calls = ffi === false ? undefined : openHostCalls();
  if (calls === undefined) return new PortableHost();
  return (isLayered(path) ? OverlayHost.of(calls, path) : undefined) ??
    new LinuxHost(calls);
}

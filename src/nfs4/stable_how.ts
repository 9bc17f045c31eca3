import type { Stability } from "../vfs/file_system.ts";

/** How safe what was written is, by stable_how4 (RFC 8881 18.32.2). */
export const STABLE_HOW: readonly Stability[] = ["unstable", "data", "file"];

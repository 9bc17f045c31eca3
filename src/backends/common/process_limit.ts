/** Largest size that a number tells. */
const MOST = Number.MAX_SAFE_INTEGER;

/**
 * The largest file in bytes that this process may make: RLIMIT_FSIZE
 * (setrlimit(2)). Beyond it SIGXFSZ ends the process, unless it listens for that.
 */
export function processLimit(): number {
  try {
    const limits = Deno.readTextFileSync("/proc/self/limits");
    const soft = /^Max file size\s+(\d+)/m.exec(limits);
    if (soft !== null) return Math.min(Number(soft[1]), MOST);
  } catch {
    // No /proc, or not allowed to read it.
  }
  return MOST;
}

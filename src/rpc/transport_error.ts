/** Whether it is the network or the peer that failed, and not we. */
export function isTransportError(error: unknown): boolean {
  // Deno gives what the system says as a class of its own, or as a plain Error
  // with the system's code ("EPIPE").
  return error instanceof Error &&
    (error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.ConnectionAborted ||
      error instanceof Deno.errors.BrokenPipe ||
      error instanceof Deno.errors.TimedOut ||
      error instanceof Deno.errors.NotConnected ||
      error instanceof Deno.errors.UnexpectedEof ||
      error instanceof Deno.errors.Interrupted ||
      error instanceof Deno.errors.BadResource ||
      error instanceof Deno.errors.NetworkUnreachable ||
      "code" in error);
}

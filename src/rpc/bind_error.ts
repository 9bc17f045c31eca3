/**
 * Says in one line why a host and TCP port can't be listened on: the error of
 * `Deno.listen` or `Deno.serve` with a message that names them.
 */
export function bindError(
  cause: unknown,
  hostname: string,
  port: number,
): Error {
  if (cause instanceof Deno.errors.AddrInUse) {
    return new Deno.errors.AddrInUse(
      `port ${port} of ${hostname} is taken already`,
      { cause },
    );
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return new Deno.errors.PermissionDenied(
      `port ${port} may not be used by this user`,
      { cause },
    );
  }
  const isElsewhere = cause instanceof Deno.errors.AddrNotAvailable ||
    cause instanceof URIError;
  // Deno has no class of its own for a name that can't be resolved.
  if (isElsewhere || /lookup address/.test(String(cause))) {
    return new Deno.errors.AddrNotAvailable(
      `${hostname || '""'} is no address of this host`,
      { cause },
    );
  }
  return cause instanceof Error ? cause : new Error(String(cause));
}

/**
 * Cookies of a file system are good for as long as their entry is there, over
 * restarts too where its identities are, so the verifier never changes.
 */
export const COOKIE_VERIFIER: Uint8Array = Uint8Array.of(
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  1,
);
/** RFC 8881 18.23.3: cookies 0, 1 and 2 are not given out; those of a file system begin behind them. */
export const RESERVED_COOKIES = 2;

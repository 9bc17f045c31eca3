/** Whether an exclusive create with the verifier `given` is the one that made a file with `kept` (RFC 8881 18.16.3). */
export function isSameVerifier(
  kept: Uint8Array | undefined,
  given: Uint8Array | undefined,
): boolean {
  return kept !== undefined && given !== undefined &&
    kept.length === given.length &&
    kept.every((byte, index) => byte === given[index]);
}

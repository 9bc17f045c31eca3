/** A value with `data` in it from `offset` on, zeros filling a gap. */
export function withData(
  value: Uint8Array,
  offset: number,
  data: Uint8Array,
): Uint8Array {
  const changed = withSize(value, Math.max(value.length, offset + data.length));
  changed.set(data, offset);
  return changed;
}

/** A value cut to so many bytes, or with zeros behind it: always another array. */
export function withSize(value: Uint8Array, size: number): Uint8Array {
  const changed = new Uint8Array(size);
  changed.set(value.length > size ? value.subarray(0, size) : value);
  return changed;
}

import type { DeviceNumber } from "../../vfs/file_system.ts";

/** makedev(3) of Linux. */
export function packDevice(rdev?: DeviceNumber): bigint {
  if (rdev === undefined) return 0n;
  const major = BigInt(rdev.major);
  const minor = BigInt(rdev.minor);
  return (minor & 0xffn) | ((major & 0xfffn) << 8n) |
    ((minor & 0xffffff00n) << 12n) | ((major & 0xfffff000n) << 32n);
}

/** What a device's number of this host is made of. */
export function deviceNumber(packed: number): DeviceNumber {
  const low = packed % 0x1_0000_0000;
  const high = Math.floor(packed / 0x1_0000_0000);
  if (Deno.build.os === "darwin") {
    return { major: low >>> 24, minor: low & 0xffffff };
  }
  // makedev(3) of Linux: the old 16 bits in the middle, the rest around them.
  return {
    major: ((low >>> 8) & 0xfff) | (high & 0xfffff000),
    minor: (low & 0xff) | ((low >>> 12) & 0xfff00),
  };
}

/**
 * What a folder's access list hands on to what is made in it (RFC 8881 6.4.3).
 *
 * @module
 */

import { type Ace, AceFlag, INHERITABLE } from "./acl.ts";
import { acesWithMode, modeOfAces } from "./acl_mode.ts";
import type { FileType } from "./attributes.ts";

/** A list, and the nine bits of the mode that it comes down to. */
export interface Inheritance {
  readonly aces: readonly Ace[];
  readonly bits: number;
}

/** The entries that something of that type gets (RFC 8881 6.4.3.1). */
export function inheritedAces(
  folder: readonly Ace[] | undefined,
  type: FileType,
): readonly Ace[] {
  // No host has them on symlinks, by which nothing is judged.
  if (folder === undefined || type === "symlink") return [];
  return type === "directory"
    ? folder.flatMap(forFolder)
    : folder.filter(({ flags }) => (flags & AceFlag.FILE_INHERIT) !== 0)
      .map((ace) => ({ ...ace, flags: 0 }));
}

/**
 * What comes of inherited entries and of what the maker says of the mode, if it does: with a
 * umask (mode_umask, RFC 8275 5) that limits only what the list says nothing of, and
 * users and groups that are named are allowed what the mode says before it.
 */
export function inheritance(
  aces: readonly Ace[],
  type: FileType,
  { mode, umask }: {
    readonly mode: number | undefined;
    readonly umask: number | undefined;
  },
): Inheritance {
  const own = modeOfAces(aces);
  if (mode === undefined) return { aces, bits: own };
  if (umask === undefined) {
    return { aces: acesWithMode(aces, mode, { type }), bits: mode & 0o777 };
  }
  const said = saidBits(aces);
  const bits = mode & 0o777 & (own & said | ~umask & ~said);
  const forNamed = mode >> 3 & 7;
  return { aces: acesWithMode(aces, bits, { type, forNamed }), bits };
}

/** The thirds of a mode that a list has entries for. */
function saidBits(aces: readonly Ace[]): number {
  const has = (who: Ace["who"]) =>
    aces.some((ace) =>
      (ace.flags & AceFlag.INHERIT_ONLY) === 0 &&
      (ace.who === who || ace.who === "everyone@")
    );
  return (has("owner@") ? 0o700 : 0) | (has("group@") ? 0o070 : 0) |
    (has("everyone@") ? 0o007 : 0);
}

function forFolder(ace: Ace): readonly Ace[] {
  const isForFolders = (ace.flags & AceFlag.DIRECTORY_INHERIT) !== 0;
  if ((ace.flags & AceFlag.NO_PROPAGATE) !== 0) {
    return isForFolders ? [{ ...ace, flags: 0 }] : [];
  }
  const flags = ace.flags & INHERITABLE;
  if (flags === 0) return [];
  return [{
    ...ace,
    flags: isForFolders ? flags : flags | AceFlag.INHERIT_ONLY,
  }];
}

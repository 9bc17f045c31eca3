import {
  type AccessListHolder,
  accessListHolder,
  type Listed,
} from "../access_list.ts";
import type { Caller } from "../callers.ts";
import { grantsTo, Permission } from "../permissions.ts";
import { type Rights, rightsOf } from "../wanted.ts";

/*
 * Who may do what to named attributes: who may read a file may list and read them,
 * who may write it may change them, as with extended attributes (RFC 8276 8.3).
 */

const STICKY = 0o1000;

/** Rights to an attribute of what has these. */
export function rightsToAttribute(bearer: Rights & Listed): Rights & Listed {
  return derived(bearer, "file", (bits) => bits & ~Permission.EXECUTE);
}

/** Rights to the folder of its attributes: who may list it, or add to it, finds what is in it. */
export function rightsToFolder(bearer: Rights & Listed): Rights & Listed {
  return derived(bearer, "directory", (bits) => {
    const left = bits & ~Permission.EXECUTE;
    return left === 0 ? 0 : left | Permission.EXECUTE;
  });
}

/** The rights that those to an attribute, or to their folder, were made of. */
export function rightsOfBearer(derived: Rights & Listed): Rights {
  const holder = derived[accessListHolder];
  if (holder instanceof BearerRights) return holder.bearer;
  throw new TypeError("rights to what is no attribute");
}

/** What rights to attributes are judged by: those to their bearer, its access list included. */
class BearerRights implements AccessListHolder {
  readonly bearer: Rights;
  readonly #permissions: (bits: number) => number;

  constructor(bearer: Rights, permissions: (bits: number) => number) {
    this.bearer = bearer;
    this.#permissions = permissions;
  }

  grants(caller: Caller): readonly number[] {
    const isOwner = caller.uid === 0 || caller.uid === this.bearer.uid;
    return grantsTo(this.bearer, caller).map((bits) => this.of(bits, isOwner));
  }

  /** What permission to the bearer is to the attribute. */
  of(bits: number, isOwner: boolean): number {
    const { type, mode } = this.bearer;
    // xattr(7): those of a sticky folder, which all may write, are its owner's to change.
    const isShared = type === "directory" && (mode & STICKY) !== 0 && !isOwner;
    return this.#permissions(isShared ? bits & ~Permission.WRITE : bits);
  }
}

function derived(
  attributes: Rights & Listed,
  type: "file" | "directory",
  permissions: (bits: number) => number,
): Rights & Listed {
  const bearer = rightsOf(attributes);
  const holder = new BearerRights(bearer, permissions);
  const { mode, uid, gid } = bearer;
  const third = (shift: number) =>
    holder.of(mode >> shift & 7, shift === 6) << shift;
  return {
    type,
    mode: third(6) | third(3) | third(0),
    uid,
    gid,
    [accessListHolder]: holder,
  };
}

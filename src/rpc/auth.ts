/** auth_flavor (RFC 5531 8.2). */
export const AuthFlavor = {
  NONE: 0,
  SYS: 1,
  SHORT: 2,
  DH: 3,
  RPCSEC_GSS: 6,
} as const;

/** auth_stat (RFC 5531 section 9), as far as this server sends it. */
export const AuthStatus = {
  BADCRED: 1,
  REJECTEDCRED: 2,
  BADVERF: 3,
  TOOWEAK: 5,
} as const;

/** One of {@linkcode AuthStatus}. */
export type AuthStatus = typeof AuthStatus[keyof typeof AuthStatus];

/** Why a call of another RPC version is denied. */
export const RPC_MISMATCH = -1;

/** Why a call is denied. */
export type Denial = AuthStatus | typeof RPC_MISMATCH;

/** Whether a call that was read, or its credential, is to be denied. */
export function isDenial(read: object | Denial): read is Denial {
  return typeof read === "number";
}

/** A user and its groups, by number. */
export interface UserNumbers {
  /** Effective user ID. */
  readonly uid: number;
  /** Effective group ID. */
  readonly gid: number;
  /** IDs of the user's further groups. */
  readonly gids: readonly number[];
}

/**
 * What has to speak for the word of an AUTH_SYS caller: "owner", the user that
 * holds the other end of its connection; "port", that end's number, which only
 * root may take where it is a small one; "any", nothing.
 */
export type Trust = "owner" | "port" | "any";

/**
 * The user that a caller is where this or that has to speak for it;
 * `undefined`: an unknown caller.
 */
export type Standing = Readonly<Record<Trust, UserNumbers | undefined>>;

/**
 * The caller; the same object for the same one on one connection, for as long
 * as that is remembered.
 */
export interface Credential {
  /** What it was told by: one of {@linkcode AuthFlavor}, or another number of RFC 5531 8.2. */
  readonly flavor: number;
  /**
   * Key of the principal, which clients, slots and kept answers are bound to (RFC
   * 8881 2.10.8.3): whatever groups or machine name came along. Each flavour has
   * keys of its own.
   */
  readonly principal: string;
  /** The user that it stands for; `undefined`: an unknown one. */
  readonly user: UserNumbers | undefined;
  /**
   * The user it stands for on the terms of an export, where those differ;
   * `user` is on the strictest then.
   */
  readonly standing?: Standing | undefined;
}

/** A caller that does not say who it is (RFC 5531 8.2), or is not believed. */
export const UNKNOWN: Credential = {
  flavor: AuthFlavor.NONE,
  principal: "none",
  user: undefined,
};

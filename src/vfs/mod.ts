/**
 * What it takes to write a file system that the server can serve.
 *
 * @module
 */
export type { Awaitable } from "../base/awaitable.ts";
export type { Ace, AceWho } from "./acl.ts";
export type { Caller } from "./callers.ts";
export * from "./errors.ts";
export * from "./file_system.ts";
export * from "./judged.ts";
export type { Rights } from "./wanted.ts";

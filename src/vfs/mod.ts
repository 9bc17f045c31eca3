/**
 * What it takes to write a file system that the server can serve.
 *
 * @module
 */
export * from "./errors.ts";
export * from "./file_system.ts";

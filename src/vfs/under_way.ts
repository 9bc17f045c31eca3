import { SharedPlaces } from "../base/shared_places.ts";

/**
 * On a back end of ours whose every call waits for another thread: operations in
 * it stand in line, as in file systems of others.
 */
export const standsInLine: unique symbol = Symbol("stands in line");

/**
 * The operations under way in a file system that has its callers wait, `limit` at
 * most: clients of one network don't wait for each other's either.
 */
export function operationsUnderWay(limit: number): SharedPlaces {
  return new SharedPlaces(limit, { party: 1 / 2, connection: 1 / 8 });
}

import { accessListHolder } from "../../vfs/access_list.ts";
import { type Ace, AclHolder } from "../../vfs/acl.ts";
import { type Capacity, costOfAces } from "../common/capacity.ts";
import type { MemoryNode } from "./node.ts";

/** The access list of a node is to be that one, or none where the mode says it all; as it is where that is left out. */
export type NewList = readonly Ace[] | "mode" | undefined;

/** Bytes that a list takes. */
export function costOfList(list: NewList): number {
  return typeof list === "object" ? costOfAces(list.length) : 0;
}

/** Gives a node, which has none, the list that room was taken for. */
export function giveList(node: MemoryNode, list: NewList): void {
  if (typeof list === "object") node[accessListHolder] = new AclHolder(list);
}

/** Makes `change`, which throws or not, and the list of the node with it; "no-space" where there is no room for it. */
export function changeList(
  node: MemoryNode,
  { list, capacity, change }: {
    readonly list: NewList;
    readonly capacity: Capacity;
    readonly change: () => void;
  },
): void {
  if (list === undefined) return change();
  const cost = costOfList(list);
  capacity.take(0, cost);
  try {
    change();
  } catch (error) {
    capacity.give(0, cost);
    throw error;
  }
  releaseList(node, capacity);
  giveList(node, list);
}

/** Gives back what the list of a node takes. */
export function releaseList(node: MemoryNode, capacity: Capacity): void {
  capacity.give(0, costOfList(node[accessListHolder]?.aces()));
  node[accessListHolder] = undefined;
}

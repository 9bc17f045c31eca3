import type { LocalNode } from "./node.ts";

/** All works of a node as one, until they have ended. */
export function addTo(
  works: Map<LocalNode, Promise<void>>,
  { node, work }: { readonly node: LocalNode; readonly work: Promise<void> },
): Promise<void> {
  const earlier = works.get(node);
  const all = earlier === undefined
    ? work
    : Promise.all([earlier, work]).then(() => {});
  works.set(node, all);
  const end = () => {
    if (works.get(node) === all) works.delete(node);
  };
  all.then(end, end);
  return all;
}

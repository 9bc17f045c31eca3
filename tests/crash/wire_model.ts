/**
 * What a tree should be to clients.
 *
 * @module
 */
import { accessListHolder } from "../../src/vfs/access_list.ts";
import { AclHolder } from "../../src/vfs/acl.ts";
import { newListAndMode, withListAndMode } from "../../src/vfs/acl_changes.ts";
import type { AttributeChanges, Stability } from "../../src/vfs/mod.ts";
import {
  Model,
  type ModelNode,
  type Step,
} from "../backends/sqlite/crash_model.ts";

/** A model in which mode and access list say the same, and folders hand theirs on (RFC 8881 6.4). */
export class WireModel extends Model {
  override apply(step: Step, stability?: Stability): void {
    const { path } = step;
    if (step.op === "mode" || step.op === "acl") {
      const node = this.nodes.get(path)!;
      const isMode = step.op === "mode";
      const changes = isMode ? { mode: step.mode } : { acl: step.acl };
      return set(node, withListAndMode(rightsOf(node), changes, isMode));
    }
    super.apply(step, stability);
    if (step.op !== "file" && step.op !== "folder") return;
    const node = this.nodes.get(path)!;
    const folder = this.nodes.get(path.slice(0, path.lastIndexOf("/")));
    if (folder === undefined) return;
    const { type, mode } = rightsOf(node);
    const wanted = { type, mode, acl: undefined, umask: undefined };
    const given = newListAndMode(rightsOf(folder), {
      ...wanted,
      isBare: false,
    });
    if (given !== undefined) set(node, given);
  }
}

function set(node: ModelNode, { mode, acl }: AttributeChanges): void {
  node.mode = mode ?? node.mode;
  if (acl !== undefined) node.acl = acl === "mode" ? undefined : acl;
}

function rightsOf({ type, mode, acl }: ModelNode) {
  const holder = acl && new AclHolder(acl);
  return { type, mode, uid: 0, gid: 0, [accessListHolder]: holder };
}

import type { Awaitable } from "../../base/awaitable.ts";
import {
  usableXattrNames,
  wrongChange,
  wrongXattr,
  wrongXattrNames,
} from "../checks.ts";
import type {
  ChangeInfo,
  ExtendedAttributes,
  SetXattrOption,
} from "../file_system.ts";
import type { Rights } from "../wanted.ts";
import { CheckedAttributes } from "./node_attributes.ts";

/** The extended attributes of its files and folders. */
export abstract class CheckedXattrs extends CheckedAttributes
  implements Required<ExtendedAttributes> {
  getxattr(node: object, name: string): Awaitable<Uint8Array | undefined> {
    const call = { method: "getxattr", node };
    const get = () => this.inner.getxattr!(node, name);
    return this.calls.called(call, get, wrongXattr);
  }

  listxattrs(node: object): Awaitable<readonly string[]> {
    const call = { method: "listxattrs", node };
    const list = () => this.inner.listxattrs!(node);
    const names = this.calls.called(call, list, wrongXattrNames);
    if (this.isSound) return names;
    return names instanceof Promise
      ? names.then(usableXattrNames)
      : usableXattrNames(names);
  }

  setxattr(
    node: object,
    name: string,
    value: Uint8Array,
    option: SetXattrOption,
    judged?: Rights,
  ): Awaitable<ChangeInfo> {
    const call = { method: "setxattr", node };
    const set = () => this.inner.setxattr!(node, name, value, option, judged);
    return this.calls.called(call, set, wrongChange);
  }

  removexattr(
    node: object,
    name: string,
    judged?: Rights,
  ): Awaitable<ChangeInfo> {
    const call = { method: "removexattr", node };
    const remove = () => this.inner.removexattr!(node, name, judged);
    return this.calls.called(call, remove, wrongChange);
  }
}

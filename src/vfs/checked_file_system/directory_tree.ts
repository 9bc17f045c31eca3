import { type Awaitable, leave } from "../../base/awaitable.ts";
import {
  placeOf,
  usablePage,
  wrongChange,
  wrongChanges,
  wrongCreated,
  wrongEntry,
  wrongNode,
} from "../checks.ts";
import type {
  ChangeInfo,
  Created,
  CreateKind,
  CreateOptions,
  DirectoryName,
  DirectoryPage,
  DirectoryTree,
  EntryPlace,
  WantedAttributes,
} from "../file_system.ts";
import type { JudgedEntry, JudgedRename } from "../judged.ts";
import type { Rights } from "../wanted.ts";
import { CheckedContents } from "./file_contents.ts";

/** The names of its files: how they are found and listed, come, go and move. */
export abstract class CheckedTree extends CheckedContents
  implements Required<DirectoryTree> {
  /** An entry that can't be used as it is is no reason to refuse the others. */
  readonly #usable = (page: DirectoryPage<object>): DirectoryPage<object> =>
    usablePage(page, {
      limits: this.limits,
      unusable: (what) => this.calls.say("readdir", `${what} of an entry`),
    });

  lookup(directory: object, name: string): Awaitable<object | undefined> {
    if (!this.isAtHand) return this.looks.lookup(directory, name);
    const given = this.inner.lookup(directory, name);
    if (!(given instanceof Promise)) return given;
    const call = { method: "lookup", node: directory, name };
    return this.calls.checked(call, given, wrongEntry);
  }

  parent(directory: object): Awaitable<object> {
    const call = { method: "parent", node: directory };
    const ask = () => this.inner.parent(directory);
    return this.calls.called(call, ask, wrongNode);
  }

  readdir(
    directory: object,
    cookie: number,
    limit: number,
    wanted?: WantedAttributes,
  ): Awaitable<DirectoryPage<object>> {
    let page: Awaitable<DirectoryPage<object>>;
    if (this.isAtHand) {
      page = this.inner.readdir(directory, cookie, limit, wanted);
      if (!(page instanceof Promise)) return page;
      const call = { method: "readdir", node: directory };
      page = this.calls.checked(call, page, () => undefined);
    } else page = this.looks.readdir(directory, cookie, limit, wanted);
    return page instanceof Promise
      ? page.then(this.#usable)
      : this.#usable(page);
  }

  place(directory: object, name: string): EntryPlace | undefined {
    const ask = () => {
      const given: unknown = this.inner.place!(directory, name);
      const place = placeOf(given);
      if (place !== undefined || given === undefined) return place;
      leave(given);
      this.calls.say("place", "no EntryPlace");
      return undefined;
    };
    return this.calls.told("place", ask, undefined);
  }

  create(
    directory: object,
    name: string,
    kind: CreateKind,
    options: CreateOptions,
  ): Awaitable<Created<object>> {
    const call = { method: "create", node: directory, name };
    const create = () => this.inner.create!(directory, name, kind, options);
    return this.calls.called(call, create, wrongCreated);
  }

  link(
    node: object,
    directory: object,
    name: string,
    judged?: Rights,
  ): Awaitable<ChangeInfo> {
    const call = { method: "link", node: directory, name };
    const link = () => this.inner.link!(node, directory, name, judged);
    return this.calls.called(call, link, wrongChange);
  }

  remove(
    directory: object,
    name: string,
    judged?: JudgedEntry,
  ): Awaitable<ChangeInfo> {
    const call = { method: "remove", node: directory, name };
    const remove = () => this.inner.remove!(directory, name, judged);
    return this.calls.called(call, remove, wrongChange);
  }

  rename(
    from: DirectoryName<object>,
    to: DirectoryName<object>,
    judged?: JudgedRename,
  ): Awaitable<{ readonly source: ChangeInfo; readonly target: ChangeInfo }> {
    const call = { method: "rename", node: from.directory, name: from.name };
    const rename = () => this.inner.rename!(from, to, judged);
    return this.calls.called(call, rename, wrongChanges);
  }
}

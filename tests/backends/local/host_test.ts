import fs from "node:fs";
import { assertEquals, assertThrows } from "@std/assert";
import { systemClock } from "../../../src/base/clock.ts";
import { local } from "../../../src/backends/local/mod.ts";
import { FileDescriptors } from "../../../src/backends/local/file_descriptors.ts";
import type { HostStat } from "../../../src/backends/local/host.ts";
import { LocalNode } from "../../../src/backends/local/node.ts";
import {
  attributes,
  codeOf,
  makeHost,
  noFolder,
  Sandbox,
  testBothHosts,
} from "./fixture.ts";

Deno.test({
  name: "local: a folder that can't be served is told in one line",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    Deno.writeTextFileSync(`${box.path}/file`, "");
    for (
      const [path, reason] of [
        [`${box.path}/missing`, "no such folder"],
        [`${box.path}/file`, "not a folder"],
        [`${box.path}/file/below`, "not a folder"],
      ] as const
    ) {
      const error = assertThrows(() => local(path), Error);
      assertEquals(error.message, `can't serve ${path}: ${reason}`);
    }
  },
});

testBothHosts(
  "a change of a name is durable before it is answered, unless told otherwise",
  async (make) => {
    for (const durability of ["full", "os"] as const) {
      await using box = make({ durability });
      const { fs } = box;
      const root = fs.root();
      const file = { type: "file" } as const;
      const { node } = await fs.create(root, "file", file, { attributes });
      const named = (name: string) => ({ directory: root, name });
      for (
        const change of [
          () => fs.create(root, "other", file, { attributes }),
          () => fs.setattr(node, { mode: 0 }),
          () => fs.link(node, root, "further"),
          () => fs.rename(named("further"), named("last")),
          () => fs.remove(root, "last"),
        ]
      ) {
        const changed = change();
        assertEquals(changed instanceof Promise, durability === "full");
        await changed;
      }
    }
  },
);

/** The host can't make /dev/null durable, and says so. */
const nothing = "/dev/null";
const noErrors = noFolder || Deno.build.os !== "linux";

function nodeOf(fileid: number): LocalNode {
  return new LocalNode({ fileid, type: "file" } as HostStat, 0);
}

Deno.test({
  name: "local: an error of fsync is told to whom asks for durability",
  ignore: noErrors,
  fn: async () => {
    const files = new FileDescriptors(() => fs.openSync(nothing, "r+"), {
      most: 4,
      mostNameless: 4,
      used: () => {},
      host: makeHost(false),
      clock: systemClock,
    });
    const node = nodeOf(1);
    files.writing(node).isUnsynced = true;
    assertEquals(
      await codeOf(() => files.sync(node, { all: false })),
      "invalid",
    );
    await files.dispose();
  },
});

Deno.test({
  name:
    "local: an error of fsync is told though the file was closed for others meanwhile",
  ignore: noErrors,
  fn: async () => {
    await using box = new Sandbox();
    Deno.writeTextFileSync(`${box.path}/file`, "");
    let path = nothing;
    const files = new FileDescriptors(() => fs.openSync(path, "r+"), {
      most: 4,
      mostNameless: 4,
      used: () => {},
      host: makeHost(false),
      clock: systemClock,
    });
    const node = nodeOf(1);
    files.writing(node).isUnsynced = true;
    path = `${box.path}/file`;
    for (let other = 2; other <= 20; other++) files.reading(nodeOf(other));
    assertEquals(node.descriptor, undefined);
    while (files.lostWrites === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assertEquals(
      await codeOf(() => files.sync(node, { all: false })),
      "invalid",
    );
    await files.sync(node, { all: false });
    await files.dispose();
  },
});

testBothHosts(
  "a program that a client has written can be run by the host",
  async (make) => {
    await using box = make();
    const { fs, path } = box;
    const mode = { ...attributes, mode: 0o755 };
    const { node } = await fs.create(fs.root(), "program", { type: "file" }, {
      attributes: mode,
    });
    const both = { read: true, write: true };
    await fs.open(node, both);
    const text = new TextEncoder().encode("#!/bin/sh\necho ran\n");
    await fs.write(node, 0, text, "unstable");
    // Not committed: the descriptor stays, but not for writing.
    fs.close(node, both);
    const { stdout } = await new Deno.Command(`${path}/program`).output();
    assertEquals(new TextDecoder().decode(stdout), "ran\n");
  },
);

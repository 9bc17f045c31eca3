import { assertEquals } from "@std/assert";
import { parseSummary } from "./guests.ts";
import { plan, SUITES } from "./suites.ts";

Deno.test("a script's closing line is read, from one guest or of several", () => {
  const tally = { passed: 14, failed: 1, skipped: 2 };
  const line = "== vers 4.1 1-smoke.sh: 14 passed, 1 failed, 2 n/a; failed: df";
  assertEquals(parseSummary(line), tally);
  assertEquals(parseSummary(`[c2] ${line}`), tally);
  assertEquals(parseSummary("ok   14 passed, 1 failed"), undefined);
});

Deno.test("every suite is either booted or skipped with a reason", () => {
  const { boots, skips } = plan({
    suites: SUITES,
    kernel: "7.3",
    backend: "memory",
    vers: "4.0",
    treeFile: "/tree.tar",
    noTree: "no network",
  });
  assertEquals(skips.map(({ suite }) => suite), [
    "sparse",
    "copy",
    "names",
    "xattr",
    "dirdeleg",
    "reconnect",
    "reclaim",
    "crash",
    "stopped",
    "tree",
  ]);
  assertEquals(boots.map(({ scripts }) => scripts), [
    [["smoke.sh", "posix.sh", "locks.sh"]],
    [["lock2-a.sh", "deleg-a.sh"], ["lock2-b.sh", "deleg-b.sh"]],
    [["silent-a.sh"], ["silent-b.sh"]],
    [["random.sh"]],
  ]);
});

Deno.test("what takes the mount away is the last script of its boot", () => {
  const { boots } = plan({
    suites: SUITES,
    kernel: "7.3",
    backend: "sqlite",
    vers: "4.1",
    treeFile: "/tree.tar",
  });
  const lasts = boots.flatMap(({ scripts }) => scripts.map((s) => s.at(-1)));
  const all = boots.flatMap(({ scripts }) => scripts.flat());
  for (const name of ["stopped.sh", "silent-a.sh"]) {
    assertEquals(all.filter((script) => script === name), [name]);
    assertEquals(lasts.includes(name), true, name);
  }
});

Deno.test("where a kernel can't be had each of its suites is skipped", () => {
  const noGuest = "cannot read trixie-backports";
  const { boots, skips } = plan({
    suites: SUITES,
    kernel: "7.3",
    backend: "memory",
    vers: "4.2",
    noGuest,
    treeFile: "/tree.tar",
  });
  assertEquals(boots, []);
  assertEquals(
    skips,
    SUITES.map((suite) => ({ suite, reason: noGuest })),
  );
});

Deno.test("what only a newer kernel asks for is skipped on the older one", () => {
  const target = { backend: "memory", vers: "4.2", treeFile: "/tree.tar" };
  const [old, young] = ["6.1", "7.3"].map((kernel) =>
    plan({ ...target, kernel, suites: ["dirdeleg"] })
  );
  assertEquals(old!.skips.map(({ suite }) => suite), ["dirdeleg"]);
  assertEquals(young!.boots.map(({ scripts }) => scripts), [
    [["dirdeleg-a.sh"], ["dirdeleg-b.sh"]],
  ]);
});

import { assert, assertEquals } from "@std/assert";
import { parseSummary } from "./guests.ts";
import { BACKENDS, GATE, gate, KERNELS, product, VERSIONS } from "./matrix.ts";
import { Pace, parseBoot } from "./pace.ts";
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
    [["smoke.sh", "posix.sh", "acl.sh", "locks.sh"]],
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

Deno.test("how long a guest took to boot is read from the harness", () => {
  const line =
    "linux-client: boot 3.52 s, mount 0.21 s, whole run 5.20 s (tcg)";
  assertEquals(parseBoot(line), 3.52);
  assertEquals(parseBoot(line.replace("boot", "client 2: boot")), 3.52);
  assertEquals(parseBoot("== boot 3 s"), undefined);
});

Deno.test("limits are as they stand on a usual machine, longer on a slow one, never endless", () => {
  const pace = new Pace();
  assertEquals([pace.factor, pace.again], [1, 2]);
  pace.booted(4);
  assertEquals(pace.factor, 1);
  pace.booted(20);
  assertEquals([pace.factor, pace.again], [3, 6]);
  pace.booted(1000);
  assertEquals([pace.factor, pace.again], [8, 8]);
});

/** The pairs "back end version" in which the suite can run at all on 6.1. */
function possible(suite: typeof SUITES[number]) {
  return product(["6.1"], BACKENDS, VERSIONS, [suite]).filter((each) =>
    plan({ ...each, treeFile: "/tree.tar" }).skips.length === 0
  );
}

Deno.test("in the gate of 6.1 every suite meets each back end and version that it is for", () => {
  for (const suite of SUITES) {
    const met = gate(["6.1"], BACKENDS, VERSIONS)
      .filter(({ suites }) => suites.includes(suite));
    for (const key of ["backend", "vers"] as const) {
      const sorted = (list: { backend: string; vers: string }[]) =>
        [...new Set(list.map((each) => each[key]))].sort();
      assertEquals(sorted(met), sorted(possible(suite)), `${suite} ${key}`);
    }
  }
});

Deno.test("the gate boots nothing that is skipped, and no suite more often than it must", () => {
  for (const suite of SUITES) {
    const runs = Object.values(GATE["6.1"][suite] ?? {}).flat().length;
    const able = possible(suite);
    const most = Math.max(
      new Set(able.map(({ backend }) => backend)).size,
      new Set(able.map(({ vers }) => vers)).size,
    );
    assertEquals(runs, most, suite);
  }
  for (const each of gate(KERNELS, BACKENDS, VERSIONS)) {
    assertEquals(plan({ ...each, treeFile: "/tree.tar" }).skips, []);
  }
});

Deno.test("the gate of one back end in one version is a part of it", () => {
  const part = gate(["6.1"], ["local"], ["4.2"]);
  assertEquals(part.length, 1);
  assert(part[0]!.suites.includes("tree"));
  assert(!part[0]!.suites.includes("crash"));
});

Deno.test("the gate boots each kernel, and every suite on one of them", () => {
  const all = gate(KERNELS, BACKENDS, VERSIONS);
  assertEquals(new Set(all.map(({ kernel }) => kernel)), new Set(KERNELS));
  const met = new Set(all.flatMap(({ suites }) => suites));
  assertEquals(met, new Set(SUITES));
});

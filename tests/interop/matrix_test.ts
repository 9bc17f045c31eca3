import { assert, assertEquals } from "@std/assert";
import { BACKENDS, GATE, gate, KERNELS, product, VERSIONS } from "./matrix.ts";
import { plan, SUITES } from "./suites.ts";

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

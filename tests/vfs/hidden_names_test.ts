import { assertEquals } from "@std/assert";
import { HiddenNames, isNamePattern } from "../../src/vfs/hidden_names.ts";

Deno.test("a star stands for any part of a name, also for nothing, and all else for itself", () => {
  const cases: [pattern: string, hidden: string[], shown: string[]][] = [
    [".DS_Store", [".DS_Store"], [".DS_Store2", "a.DS_Store", ".ds_store"]],
    ["._*", ["._", "._a", "._*"], ["_.", ".a", "a._"]],
    ["*~", ["~", "a~"], ["a~b"]],
    ["a*a", ["aa", "aba", "aaa"], ["a", "ab", "ba"]],
    ["a*b*c", ["abc", "axbxc", "abbc", "abcc"], ["ac", "acb", "abcd"]],
    ["*ab*ab", ["abab", "abxab"], ["ab", "aab"]],
    ["a.b", ["a.b"], ["axb"]],
  ];
  for (const [pattern, hidden, shown] of cases) {
    const names = new HiddenNames([pattern]);
    const all = [...hidden, ...shown];
    assertEquals(all.filter((name) => names.has(name)), hidden, pattern);
  }
  const both = new HiddenNames(["._*", ".DS_Store"]);
  const of = (name: string) => both.has(name);
  assertEquals([of("._a"), of(".DS_Store"), of("a")], [true, true, false]);
});

Deno.test("what would hide all names, or none, is no pattern", () => {
  for (const none of ["", "*", "**", "a/b", "a\0", 1, undefined]) {
    assertEquals(isNamePattern(none), false, `${none}`);
  }
  assertEquals(isNamePattern("*a"), true);
});

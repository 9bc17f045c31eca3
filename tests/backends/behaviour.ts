/**
 * The one behaviour suite that every back end must pass.
 *
 * @module
 */
import { accessListTests } from "./behaviour/access_lists.ts";
import { attributeTests } from "./behaviour/attributes.ts";
import { changeTests } from "./behaviour/changes.ts";
import { cloneTests } from "./behaviour/clones.ts";
import { concurrencyTests } from "./behaviour/concurrency.ts";
import { contentTests } from "./behaviour/content.ts";
import { createTests } from "./behaviour/create.ts";
import { entryTests } from "./behaviour/entries.ts";
import { type BehaviourOptions, register } from "./behaviour/fixture.ts";
import type { Factory } from "./behaviour/fixture.ts";
import { judgedTests } from "./behaviour/judged.ts";
import { lifetimeTests } from "./behaviour/lifetime.ts";
import { nameTests } from "./behaviour/names.ts";
import { rangeTests } from "./behaviour/ranges.ts";
import { readdirTests } from "./behaviour/readdir.ts";
import { renameTests } from "./behaviour/rename.ts";
import { xattrTests } from "./behaviour/xattrs.ts";

export type {
  BehaviourOptions,
  Capabilities,
  Factory,
  Subject,
} from "./behaviour/fixture.ts";

/**
 * Registers a test for each rule of `FileSystem`, named "`name`: the rule", each
 * with a fresh, empty file system of `factory`. What `options.capabilities`
 * denies is counted as ignored, not as passed.
 */
export function behaviourSuite(
  name: string,
  factory: Factory,
  options: BehaviourOptions = {},
): void {
  for (
    const test of [
      ...createTests,
      ...entryTests,
      ...nameTests,
      ...contentTests,
      ...rangeTests,
      ...cloneTests,
      ...attributeTests,
      ...changeTests,
      ...readdirTests,
      ...renameTests,
      ...lifetimeTests,
      ...concurrencyTests,
      ...judgedTests,
      ...xattrTests,
      ...accessListTests,
    ]
  ) {
    register(name, test, { factory, ...options });
  }
}

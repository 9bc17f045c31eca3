import { assertEquals } from "@std/assert";
import { silentLogger } from "../src/base/log.ts";
import { systemRandom } from "../src/base/clock.ts";
import { parseExport } from "../src/cli/export_argument.ts";
import { stateDirectory } from "../src/cli/state_directory.ts";
import { loadIdentity } from "../src/recovery/server_identity.ts";

const permissions = { read: true, write: true, env: true } as const;
const ignore =
  Deno.permissions.querySync({ name: "write" }).state !== "granted";

/** Where the state of a server with such exports is, and what the operator is told. */
function choose(...exports: string[]): [string | undefined, string[]] {
  const warnings: string[] = [];
  const log = { ...silentLogger, warn: (line: string) => warnings.push(line) };
  const given = {
    exports: exports.map(parseExport),
    stateDirectory: undefined,
  };
  return [stateDirectory(given, log), warnings];
}

Deno.test(
  "a store that is put in front of others does not take the server's identity from them",
  {
    permissions,
    ignore,
  },
  async () => {
    const folder = await Deno.makeTempDir();
    const [a, b] = [`${folder}/a`, `${folder}/b`];
    const [first, second] = [`/a=sqlite:${a}`, `/b=sqlite:${b}`];
    try {
      assertEquals(choose(first, second), [`${a}/server`, []]);
      await loadIdentity(`${b}/server`, systemRandom);
      assertEquals(choose(first, second), [`${b}/server`, []]);
      assertEquals(choose("/m=memory:", first, second), [`${b}/server`, []]);
      await loadIdentity(`${a}/server`, systemRandom);
      const [chosen, warnings] = choose(first, second);
      assertEquals([chosen, warnings.length], [`${a}/server`, 1]);
      assertEquals(warnings[0]!.includes(`--state ${b}/server`), true);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

Deno.test(
  "a store that is added to folders of the host tells where their clients are on record, once",
  {
    permissions,
    ignore,
  },
  async () => {
    const folder = await Deno.makeTempDir();
    const before = Deno.env.get("XDG_STATE_HOME");
    Deno.env.set("XDG_STATE_HOME", folder);
    const own = `${folder}/dittofs-nfs4`;
    const [host, store] = ["/a=local:/srv", `/b=sqlite:${folder}/b`];
    try {
      await loadIdentity(own, systemRandom);
      assertEquals(choose(store), [`${folder}/b/server`, []]);
      const [chosen, warnings] = choose(host, store);
      assertEquals([chosen, warnings.length], [`${folder}/b/server`, 1]);
      assertEquals(warnings[0]!.includes(`--state ${own}`), true);
      await loadIdentity(`${folder}/b/server`, systemRandom);
      assertEquals(choose(host, store), [`${folder}/b/server`, []]);
    } finally {
      if (before === undefined) Deno.env.delete("XDG_STATE_HOME");
      else Deno.env.set("XDG_STATE_HOME", before);
      await Deno.remove(folder, { recursive: true });
    }
  },
);

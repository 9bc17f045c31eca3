import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import {
  loadIdentity,
  newIdentity,
} from "../../src/recovery/server_identity.ts";
import { systemRandom } from "../../src/base/clock.ts";

const noFiles =
  Deno.permissions.querySync({ name: "write" }).state !== "granted";

Deno.test("two new identities have nothing in common", () => {
  const [one, other] = [newIdentity(systemRandom), newIdentity(systemRandom)];
  assertNotEquals(one.name, other.name);
  assertNotEquals(one.handleKey, other.handleKey);
});

Deno.test(
  "an identity is the same after a restart, and for nobody else to read",
  {
    ignore: noFiles,
  },
  async () => {
    const directory = `${Deno.makeTempDirSync()}/new`;
    const first = await loadIdentity(directory, systemRandom);
    assertEquals(await loadIdentity(directory, systemRandom), first);
    const names = [...Deno.readDirSync(directory)].map((entry) => entry.name);
    assertEquals(names, ["identity.json"]);
    const { mode } = Deno.statSync(`${directory}/identity.json`);
    assertEquals(mode! & 0o777, 0o600);
    Deno.removeSync(directory, { recursive: true });
  },
);

Deno.test("a damaged identity is refused, not replaced", {
  ignore: noFiles,
}, async () => {
  const directory = Deno.makeTempDirSync();
  for (const text of ["", "null", "{}", '{"name":"x","handleKey":"00"}']) {
    Deno.writeTextFileSync(`${directory}/identity.json`, text);
    await assertRejects(
      () => loadIdentity(directory, systemRandom),
      Error,
      "damaged",
    );
  }
  Deno.removeSync(directory, { recursive: true });
});

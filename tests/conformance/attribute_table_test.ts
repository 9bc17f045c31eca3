/**
 * Every attribute there is, on every back end and in every minor version: what
 * is advertised can be got and, where the RFC lets it be set, set, by whatever
 * sets attributes; what is not is refused.
 */

import { assert, assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { ATTRIBUTES } from "../../src/nfs4/attributes.ts";
import type { FileAttributes, FileSystem } from "../../src/vfs/mod.ts";
import { type StateClient, StateFixture } from "../engine/state_fixture.ts";
import {
  hasFfi,
  isRoot,
  noFolder,
  Sandbox,
} from "../backends/local/fixture.ts";
import {
  type AttributeName,
  attributeName,
  attributeNumber,
  type Attributes,
  bytesOf,
  CreateMode,
  FileType,
  op,
  type RawAttributes,
  type Request,
  statusName,
  walk,
} from "../support/client/mod.ts";

const past = { seconds: 1_000_000_000n, nanoseconds: 0 };

/** RFC 8881 5.6, 5.7, RFC 7530 5.6, 5.7: what may be set, a value for each, and what shows it. */
const SETTABLE: Partial<
  Record<AttributeName, { value: unknown; shows?: Attributes }>
> = {
  size: { value: 0n, shows: { size: 0n } },
  acl: { value: [] },
  archive: { value: true, shows: { archive: true } },
  hidden: { value: true, shows: { hidden: true } },
  mimetype: { value: "text/plain", shows: { mimetype: "text/plain" } },
  mode: { value: 0o711, shows: { mode: 0o711 } },
  owner: { value: "4", shows: { owner: "4" } },
  owner_group: { value: "5", shows: { owner_group: "5" } },
  system: { value: true, shows: { system: true } },
  time_access_set: { value: past, shows: { time_access: past } },
  time_backup: { value: past, shows: { time_backup: past } },
  time_create: { value: past, shows: { time_create: past } },
  time_modify_set: { value: past, shows: { time_modify: past } },
  dacl: { value: { flag: 0, aces: [] } },
  sacl: { value: { flag: 0, aces: [] } },
  retention_hold: { value: 0n },
  mode_set_masked: { value: { value: 0o711, mask: 0o777 } },
  // To be set under a delegation.
  time_deleg_access: { value: past },
  time_deleg_modify: { value: past },
  sec_label: { value: { lfs: 0, pi: 0, data: new Uint8Array() } },
  mode_umask: {
    value: { mode: 0o733, umask: 0o022 },
    shows: { mode: 0o711 },
  },
};
/** RFC 8881 5.5: these can't be got. */
const SET_ONLY: AttributeName[] = [
  "time_access_set",
  "time_modify_set",
  "mode_set_masked",
  "mode_umask",
  ...["time_deleg_access", "time_deleg_modify"] as const,
];
const HELD: AttributeName[] = ["time_deleg_access", "time_deleg_modify"];
/** RFC 8881 6.2.5, RFC 9754: for SETATTR alone. RFC 8275 5: for what creates alone. */
const SET_ONLY_FOR: Partial<Record<AttributeName, "set" | "create">> = {
  mode_set_masked: "set",
  mode_umask: "create",
  time_deleg_access: "set",
  time_deleg_modify: "set",
};
const NUMBERS = Array.from({ length: 100 }, (_, number) => number);

/** A back end, and what it can't keep. */
interface BackEnd {
  readonly name: string;
  readonly ignore?: boolean;
  make(): { readonly fs: FileSystem } & Partial<AsyncDisposable>;
  /** Taken, and forgotten. */
  readonly drops?: readonly AttributeName[];
}

/** A tree that can't do what it may leave out, and knows of no births. */
function bare(): FileSystem {
  const fs = memory() as FileSystem;
  const off = new Set<PropertyKey>(["setattr", "status", "link", "readlink"]);
  const getattr = (node: object): FileAttributes => {
    const { birthtime: _, ...rest } = fs.getattr(node) as FileAttributes;
    return rest;
  };
  return new Proxy(fs, {
    get: (fs, key) => {
      if (off.has(key)) return undefined;
      if (key === "getattr") return getattr;
      const value = Reflect.get(fs, key);
      return typeof value === "function" ? value.bind(fs) : value;
    },
  });
}

function hosted(ffi: boolean): ReturnType<BackEnd["make"]> {
  const sandbox = new Sandbox({ ffi });
  return {
    fs: sandbox.fs,
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
}

const drops: AttributeName[] = ["time_create"];
const BACK_ENDS: readonly BackEnd[] = [
  { name: "memory", make: () => ({ fs: memory() }) },
  { name: "sqlite", make: () => ({ fs: sqlite(":memory:") }) },
  {
    name: "memory with a quota",
    make: () => ({ fs: memory({}, { maxBytes: 2 ** 24 }) }),
  },
  {
    name: "local",
    ignore: noFolder || !hasFfi || !isRoot,
    make: () => hosted(true),
    drops,
  },
  {
    name: "local without libc",
    ignore: noFolder || !isRoot,
    make: () => hosted(false),
    drops,
  },
  { name: "a tree that can do little", make: () => ({ fs: bare() }) },
];

/** The values to set an attribute to; of one that is not known, its bit and some bytes. */
function sample(number: number): Attributes | RawAttributes {
  const name = attributeName(number);
  const value = name && SETTABLE[name]?.value;
  if (value !== undefined) return { [name!]: value };
  return { mask: [number], values: new Uint8Array(8) };
}

/** What sets attributes: its last operation names what it has set. */
interface Setter {
  readonly name: string;
  readonly operation: "SETATTR" | "CREATE" | "OPEN";
  readonly creates: boolean;
  readonly file: boolean;
  readonly request: (
    client: StateClient,
    target: string,
    attributes: Attributes | RawAttributes,
  ) => Request[];
}

let verifiers = 0;

function opening(name: string, mode: number): Setter {
  return {
    name,
    operation: "OPEN",
    creates: true,
    file: true,
    request: (client, target, attributes) => [
      op.putrootfh(),
      client.openOp(target, {
        owner: target,
        create: {
          mode,
          attributes,
          verifier: bytesOf(`${10_000_000 + verifiers++}`),
        },
      }),
    ],
  };
}

const making: Setter = {
  name: "CREATE",
  operation: "CREATE",
  creates: true,
  file: false,
  request: (_, target, attributes) => [
    op.putrootfh(),
    op.create({ type: FileType.DIR, name: target, attributes }),
  ],
};

const setting: Setter = {
  name: "SETATTR",
  operation: "SETATTR",
  creates: false,
  file: true,
  request: (
    _,
    target,
    attributes,
  ) => [...walk([target]), op.setattr(attributes)],
};

function settersOf(minorVersion: number): Setter[] {
  const setters = [
    setting,
    making,
    opening("UNCHECKED4", CreateMode.UNCHECKED),
    opening("GUARDED4", CreateMode.GUARDED),
  ];
  const exclusive = opening("EXCLUSIVE4_1", CreateMode.EXCLUSIVE4_1);
  return minorVersion > 0 ? [...setters, exclusive] : setters;
}

for (const backEnd of BACK_ENDS) {
  for (const minor of [0, 1, 2] as const) {
    Deno.test({
      name:
        `${backEnd.name}, NFSv4.${minor}: what is advertised can be got and set, what is not is refused (RFC 8881 5.5 to 5.7)`,
      ignore: backEnd.ignore ?? false,
      async fn() {
        const subject = backEnd.make();
        try {
          const { fs } = subject;
          const client = await new StateFixture({ fs }).client(minor);
          await client.open("file", {
            create: { mode: CreateMode.UNCHECKED, attributes: {} },
          });
          const canSet = fs.setattr !== undefined;
          await checkGetting(client, "file");
          for (const setter of settersOf(minor)) {
            if (setter === setting && !canSet) continue;
            for (const number of NUMBERS) {
              await checkSetting({ client, setter, number, backEnd });
            }
          }
        } finally {
          await subject[Symbol.asyncDispose]?.();
          await subject.fs.dispose?.();
        }
      },
    });
  }
}

async function offered(client: StateClient, path: readonly string[]) {
  const { attributes } = await client.ok(
    "GETATTR",
    ...walk(path),
    op.getattr(["supported_attrs", "suppattr_exclcreat"]),
  );
  return {
    all: attributes.supported_attrs!,
    exclusive: attributes.suppattr_exclcreat,
  };
}

/** Advertised, and not for setting alone: GETATTR has it, VERIFY agrees. */
async function checkGetting(client: StateClient, file: string): Promise<void> {
  const { all, exclusive } = await offered(client, [file]);
  for (const number of all) {
    const name = attributeName(number);
    assert(name !== undefined, `attribute ${number} is advertised`);
    if (SET_ONLY.includes(name)) continue;
    const { attributes } = await client.ok(
      "GETATTR",
      ...walk([file]),
      op.getattr([name]),
    );
    assertEquals(Object.keys(attributes), [name]);
    // Room is the host's, and others use it meanwhile.
    if (name === "rdattr_error" || /^(space|files|quota)_/.test(name)) continue;
    const verify = op.verify(attributes);
    assertEquals(await client.status(...walk([file]), verify), "OK", name);
  }
  // RFC 8881 5.8.1.14: what EXCLUSIVE4_1 can set.
  assertEquals(
    exclusive,
    client.minorVersion === 0 ? undefined : all.filter((number) => {
      const name = attributeName(number)!;
      return name in SETTABLE && SET_ONLY_FOR[name] !== "set";
    }),
  );
}

async function checkSetting({ client, setter, number, backEnd }: {
  readonly client: StateClient;
  readonly setter: Setter;
  readonly number: number;
  readonly backEnd: BackEnd;
}): Promise<void> {
  const target = setter === setting ? "file" : `${setter.name} ${number}`;
  const reply = await client.call(
    ...setter.request(client, target, sample(number)),
  );
  const status = statusName(reply.status);
  const path = setter === setting ? [target] : [];
  const { all } = await offered(client, path);
  const name = attributeName(number);
  const why = `${setter.name} of ${name ?? number}`;
  const expected = expectedStatus(setter, name, all.includes(number));
  assertEquals(status, expected, why);
  if (expected !== "OK") {
    if (!setter.creates) return;
    return assertEquals(await client.status(...walk([target])), "NOENT", why);
  }
  const { attrset } = reply.get(setter.operation);
  assertEquals(attrset, [number], why);
  const shows = SETTABLE[name!]!.shows;
  if (shows === undefined || backEnd.drops?.includes(name!)) return;
  const names = Object.keys(shows) as AttributeName[];
  const { attributes } = await client.ok(
    "GETATTR",
    ...walk([target]),
    op.getattr(names),
  );
  assertEquals(attributes, shows, why);
}

function expectedStatus(
  { creates, file }: Setter,
  name: AttributeName | undefined,
  isAdvertised: boolean,
): string {
  // RFC 8881 5.2
  if (!isAdvertised) return "ATTRNOTSUPP";
  // RFC 8881 5.5, 6.2.5, RFC 8275 5
  const purpose = creates ? "create" : "set";
  const isSettable = name !== undefined && name in SETTABLE &&
    (SET_ONLY_FOR[name] ?? purpose) === purpose;
  // RFC 9754: under a delegation alone.
  if (isSettable && HELD.includes(name)) return "BAD_STATEID";
  // RFC 8881 18.4.3: attributes that are valid for the type.
  return isSettable && (file || name !== "size") ? "OK" : "INVAL";
}

Deno.test("the table has all that the RFCs let be set among what it advertises", () => {
  for (const row of ATTRIBUTES) {
    if (row === undefined) continue;
    assertEquals(row.set !== undefined, row.name in SETTABLE, row.name);
    const name = row.name as AttributeName;
    assertEquals(row.number, attributeNumber(name));
    assertEquals(row.get === undefined, SET_ONLY.includes(name), name);
    assertEquals(row.setOnlyFor, SET_ONLY_FOR[name], name);
  }
});

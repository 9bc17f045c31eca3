/** What each type of the current filehandle answers to an operation that is not for it. */

import { assertEquals } from "@std/assert";
import {
  CreateMode,
  FileType,
  op,
  type Request,
  walk,
} from "../../support/client/mod.ts";
import { type StateClient, StateFixture } from "../../engine/state_fixture.ts";
import { objectTypes } from "./fixture.ts";

type Kind = keyof typeof objectTypes | "file";
type Answers = Partial<Record<Kind, string>>;

/** All but folders. */
function noFolder(other: string, link = other): Answers {
  const rest = { socket: other, fifo: other, block: other, char: other };
  return { file: other, link, ...rest };
}

// RFC 8881 15.1.2.3, 15.1.2.7, 15.1.2.9
const notFile: Answers = { ...noFolder("WRONG_TYPE", "SYMLINK"), dir: "ISDIR" };
delete notFile.file;
const notLink: Answers = { ...noFolder("WRONG_TYPE"), dir: "WRONG_TYPE" };
delete notLink.link;
const notDir = noFolder("NOTDIR");
/** Where a symlink on the way is the client's to follow. */
const onTheWay = noFolder("NOTDIR", "SYMLINK");
const noSize: Answers = { ...noFolder("WRONG_TYPE"), dir: "WRONG_TYPE" };
delete noSize.file;

const create = { mode: CreateMode.UNCHECKED, attributes: { mode: 0o644 } };
const made = op.create({ type: FileType.DIR, name: "x" });
const ROOT = op.putrootfh();

/** An operation's request behind a walk to the object, and what it answers where it is not OK. */
const cases: Record<
  string,
  readonly [(at: Request[], client: StateClient) => Request[], Answers]
> = {
  READ: [(at) => [...at, op.read()], notFile],
  WRITE: [(at) => [...at, op.write({ data: "x" })], notFile],
  COMMIT: [(at) => [...at, op.commit()], notFile],
  LOCKT: [
    (at, client) => [...at, op.lockt({ owner: client.owner("tester") })],
    notFile,
  ],
  "SETATTR of a size": [(at) => [...at, op.setattr({ size: 0n })], noSize],
  READLINK: [(at) => [...at, op.readlink()], notLink],
  LOOKUP: [(at) => [...at, op.lookup("x")], onTheWay],
  LOOKUPP: [(at) => [...at, op.lookupp()], onTheWay],
  "OPEN by name": [(at, client) => [...at, client.openOp("x")], onTheWay],
  "OPEN that creates": [
    (at, client) => [...at, client.openOp("x", { create })],
    onTheWay,
  ],
  "OPEN by filehandle": [
    (at, client) => [...at, client.openOp("", { claim: { claim: "fh" } })],
    notFile,
  ],
  READDIR: [(at) => [...at, op.readdir()], notDir],
  SECINFO: [(at) => [...at, op.secinfo("x")], notDir],
  "SECINFO_NO_NAME of the parent": [
    (at) => [...at, op.secinfoNoName(1)],
    notDir,
  ],
  CREATE: [(at) => [...at, made], notDir],
  REMOVE: [(at) => [...at, op.remove("x")], notDir],
  "LINK into it": [
    (at) => [...walk(["file"]), op.savefh(), ...at, op.link("x")],
    notDir,
  ],
  "RENAME out of it": [
    (at) => [...at, op.savefh(), ROOT, op.rename("x", "y")],
    notDir,
  ],
  "RENAME into it": [
    (at) => [ROOT, op.savefh(), ...at, op.rename("file", "y")],
    notDir,
  ],
};

for (const minor of [1, 2] as const) {
  for (const [name, [requests, answers]] of Object.entries(cases)) {
    Deno.test(`NFSv4.${minor}: ${name} of what it is not for (RFC 8881 15.1.2)`, async () => {
      const fixture = new StateFixture({ tree: { file: "text" } });
      const client = await fixture.client(minor);
      for (const [kind, type] of Object.entries(objectTypes)) {
        const device = { major: 1, minor: 2 };
        const options = { type, name: kind, link: "/nowhere", device };
        await client.ok("CREATE", ROOT, op.create(options));
      }
      for (const [kind, status] of Object.entries(answers)) {
        const ops = requests(walk([kind]), client);
        assertEquals(await client.status(...ops), status, kind);
      }
    });
  }
}

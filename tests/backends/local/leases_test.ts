import { assertEquals, assertLess } from "@std/assert";
import fs from "node:fs";
import { codeOf, hasFfi, noFolder, Sandbox } from "./fixture.ts";

const F_SETSIG = 10;
const F_SETLEASE = 1024;
const F_RDLCK = 0;
const SIGCHLD = 17;

for (const isOpen of [false, true]) {
  const when = isOpen ? "is open for reading" : "is not open";
  Deno.test({
    name:
      `local: a lease of the host on a file that ${when} puts off one client, and nobody waits`,
    ignore: noFolder || !hasFfi,
    fn: () => openLeased(isOpen),
  });
}

async function openLeased(isOpen: boolean): Promise<void> {
  const libc = Deno.dlopen("libc.so.6", {
    fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  });
  await using box = new Sandbox();
  Deno.writeTextFileSync(`${box.path}/f`, "hello");
  const file = (await box.fs.lookup(box.fs.root(), "f"))!;
  if (isOpen) {
    await box.fs.open(file, { read: true, write: false });
    await box.fs.read(file, 0, new Uint8Array(5));
  }
  const lease = fs.openSync(`${box.path}/f`, fs.constants.O_RDONLY);
  try {
    // The kernel's word to the holder would end this process otherwise.
    assertEquals(libc.symbols.fcntl(lease, F_SETSIG, SIGCHLD), 0);
    assertEquals(libc.symbols.fcntl(lease, F_SETLEASE, F_RDLCK), 0);
    const began = performance.now();
    const data = new TextEncoder().encode("H");
    const write = () => box.fs.write(file, 0, data, "unstable");
    assertEquals(await codeOf(write), "busy");
    assertLess(performance.now() - began, 1000);
    fs.closeSync(lease);
    await write();
    assertEquals(Deno.readTextFileSync(`${box.path}/f`), "Hello");
  } finally {
    libc.close();
    if (isOpen) await box.fs.close(file, { read: true, write: false });
  }
}

import { assertEquals } from "@std/assert";
import { authSys, op, V40Client } from "./support/client/mod.ts";
import { ServerProcess } from "./support/cli.ts";
import { canRelay, UserRelay } from "./support/user_relay.ts";

/** An ordinary user that every Linux has; its group has the same number. */
const ORDINARY = 65534;
const QUIET = ["--port", "0", "--metrics-port", "0"];
const ignore = !canRelay;

/** Who owns what an ordinary user has made in the root, and the root itself. */
async function firstWrite(
  args: readonly string[],
  { user, caller, through = ORDINARY }: {
    /** Who starts the server; root if left out. */
    readonly user?: number;
    /** Who AUTH_SYS says that the caller is. */
    readonly caller: number;
    /** Whose socket it is. */
    readonly through?: number;
  },
): Promise<{ readonly made: string; readonly root: string }> {
  const cwd = Deno.makeTempDirSync();
  if (user !== undefined) Deno.chownSync(cwd, user, user);
  try {
    const env = { XDG_STATE_HOME: `${cwd}/state` };
    const options = { cwd, env, user };
    await using server = new ServerProcess([...QUIET, ...args], options);
    const [, port] = await server.until(/mount -t nfs4 .*port=(\d+) 127/);
    await using relay = await UserRelay.start(Number(port), through);
    await using client = await V40Client.connect({ port: relay.port });
    const reply = await client.compound([
      op.putrootfh(),
      op.getattr(["owner", "owner_group", "mode"]),
      op.create({ type: 2, name: "mine", attributes: { mode: 0o700 } }),
      op.getattr(["owner"]),
    ], { credential: authSys(caller, caller) });
    const { owner, owner_group, mode } = reply.get("GETATTR").attributes;
    return {
      made: reply.get("GETATTR", 1).attributes.owner!,
      root: `${owner}:${owner_group} ${mode!.toString(8)}`,
    };
  } finally {
    Deno.removeSync(cwd, { recursive: true });
  }
}

Deno.test(
  "the default store belongs to whoever starts the server, who can write to it",
  {
    ignore,
  },
  async () => {
    const user = ORDINARY;
    const expected = { made: "65534", root: "65534:65534 755" };
    // By a program of that user, and by root's mount for that user.
    for (const through of [ORDINARY, 0]) {
      const options = { user, caller: ORDINARY, through };
      assertEquals(await firstWrite([], options), expected);
    }
    const memory = ["--export", "/=memory:"];
    assertEquals(
      await firstWrite(memory, { user, caller: ORDINARY }),
      expected,
    );
  },
);

Deno.test("where all are squashed, the fresh root is the anonymous user's", {
  ignore,
}, async () => {
  for (const backend of ["sqlite:./store", "memory:"]) {
    const named = `/=${backend},squash=all,anonuid=7,anongid=8`;
    assertEquals(await firstWrite(["--export", named], { caller: ORDINARY }), {
      made: "7",
      root: "7:8 755",
    });
  }
});

Deno.test("uid, gid and mode say whose a fresh root is", {
  ignore,
}, async () => {
  const cases = [
    [`sqlite:./store,uid=${ORDINARY},gid=50`, "65534:50 755"],
    ["sqlite:./store,mode=1777", "0:0 1777"],
    [`memory:,gid=${ORDINARY},mode=2775`, "0:65534 2775"],
  ];
  for (const [named, root] of cases) {
    const args = ["--export", `/=${named}`];
    assertEquals(await firstWrite(args, { caller: ORDINARY }), {
      made: "65534",
      root,
    });
  }
});

import {
  bytesOf,
  op,
  openSession,
  type Session,
  V40Client,
} from "./client/mod.ts";

/** How much is to be done, and where. */
export interface StateCycles {
  readonly port: number;
  readonly minorVersion: number;
  /** Opens and locks in all. */
  readonly count: number;
}

/** Both, and no delegation: it would have to be returned. */
const OPEN_ACCESS = 3 | 0x400;

/**
 * Opens, locks, unlocks and closes the file "f" again and again, each time by
 * owners of their own, many at a time; then the client goes.
 */
export async function cycleStates(cycles: StateCycles): Promise<void> {
  if (cycles.minorVersion === 0) return await cycleV40(cycles);
  await using session = await openSession(cycles);
  const { maxrequests } = session.fore;
  let next = 0;
  await Promise.all(Array.from({ length: maxrequests }, async () => {
    while (next < cycles.count) await cycle(session, next++);
  }));
  await session.destroy();
  await session.client.destroyClientid();
}

async function cycle(session: Session, number: number): Promise<void> {
  const clientid = 0n;
  const owner = { clientid, owner: bytesOf(`open owner ${number}`) };
  const locker = { clientid, owner: bytesOf(`lock owner ${number}`) };
  const opened = await session.compound([
    op.putrootfh(),
    op.open({
      access: OPEN_ACCESS,
      owner,
      claim: { claim: "null", name: "f" },
    }),
    op.getfh(),
  ]);
  const { stateid } = opened.get("OPEN");
  const range = { offset: BigInt(number), length: 1n };
  const file = op.putfh(opened.get("GETFH").filehandle);
  const locked = await session.compound([
    file,
    op.lock({ locker: { openStateid: stateid, owner: locker }, ...range }),
  ]);
  await session.compound([
    file,
    op.locku({ stateid: locked.get("LOCK").stateid, ...range }),
    op.close(stateid),
  ]);
}

async function cycleV40({ port, count }: StateCycles): Promise<void> {
  // The same client each time, started anew: what it left goes with its former self.
  const verifier = crypto.getRandomValues(new Uint8Array(8));
  const id = "a client of many owners";
  await using client = await V40Client.connect({ port, id, verifier });
  await client.register();
  const { clientid } = client;
  let next = 0;
  await Promise.all(Array.from({ length: 16 }, async () => {
    while (next < count) {
      const number = next++;
      const owner = { clientid, owner: bytesOf(`open owner ${number}`) };
      const name = bytesOf(`lock owner ${number}`);
      const claim = { claim: "null", name: "f" } as const;
      const opened = await client.compound([
        op.putrootfh(),
        op.open({ seqid: 1, access: 3, owner, claim }),
        op.getfh(),
      ]);
      const file = op.putfh(opened.get("GETFH").filehandle);
      const confirmed = await client.compound([
        file,
        op.openConfirm(opened.get("OPEN").stateid, 2),
      ]);
      const { stateid } = confirmed.get("OPEN_CONFIRM");
      const locker = {
        openStateid: stateid,
        openSeqid: 3,
        lockSeqid: 1,
        owner: { clientid, owner: name },
      };
      const range = { offset: BigInt(number), length: 1n };
      const locked = await client.compound([
        file,
        op.lock({ locker, ...range }),
      ]);
      const lock = locked.get("LOCK").stateid;
      await client.compound([
        file,
        op.locku({ stateid: lock, seqid: 2, ...range }),
        op.close(stateid, 4),
      ]);
    }
  }));
}

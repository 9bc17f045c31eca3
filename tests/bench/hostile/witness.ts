/** A worker: another client, which is served all the time, and says how long each answer took. */

import { op, openSession } from "../../support/client/mod.ts";

const scope = self as unknown as {
  onmessage: (
    event: MessageEvent<{ port: number; milliseconds: number }>,
  ) => void;
  postMessage(latencies: number[]): void;
};

scope.onmessage = async ({ data: { port, milliseconds } }) => {
  await using session = await openSession({ port, owner: "witness" });
  const look = [
    op.putrootfh(),
    op.lookup("small"),
    op.getattr(["type", "size"]),
  ];
  const latencies: number[] = [];
  const until = performance.now() + milliseconds;
  while (performance.now() < until) {
    const started = performance.now();
    await session.compound(look, { cacheThis: false });
    latencies.push(performance.now() - started);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  scope.postMessage(latencies);
};

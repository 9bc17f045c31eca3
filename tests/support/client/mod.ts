/**
 * A strict NFSv4 client for tests: it reads every byte of every answer and
 * callback, knows nothing of the server's code but the numbers of the protocol,
 * and can be told to misbehave.
 *
 * ```ts
 * await using session = await openSession({ port, minorVersion: 1 });
 * const reply = await session.compound([op.putrootfh(), op.getattr(["type"])]);
 * reply.get("GETATTR").attributes.type;
 * await session.expectStatus(Status.NOENT, [op.putrootfh(), op.lookup("x")]);
 * ```
 *
 * @module
 */
export * from "./attributes.ts";
export * from "./callback_behaviour.ts";
export * from "./callback_call.ts";
export * from "./callback_listener.ts";
export * from "./callback_peer.ts";
export * from "./callback_session.ts";
export * from "./callback_wire.ts";
export * from "./compound.ts";
export * from "./connection.ts";
export * from "./delegation_book.ts";
export * from "./framing.ts";
export * from "./names.ts";
export * from "./op.ts";
export * from "./open.ts";
export * from "./ops_file.ts";
export * from "./ops_session.ts";
export * from "./ops_state.ts";
export * from "./ops_v42.ts";
export * from "./request.ts";
export * from "./results.ts";
export * from "./results_parts.ts";
export * from "./rpc.ts";
export * from "./sender.ts";
export * from "./session.ts";
export * from "./session_client.ts";
export * from "./v40_client.ts";

/** Whether a test may make a store in a folder. */
export const canWrite: boolean =
  Deno.permissions.querySync({ name: "write" }).state === "granted";

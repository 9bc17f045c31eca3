/**
 * The user this process runs as; root where Deno may not say (`--allow-sys`),
 * or the host has no users.
 */
export function ownUser(): { readonly uid: number; readonly gid: number } {
  const mayAsk = (["uid", "gid"] as const).every((kind) =>
    Deno.permissions.querySync({ name: "sys", kind }).state === "granted"
  );
  if (!mayAsk) return { uid: 0, gid: 0 };
  return { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 };
}

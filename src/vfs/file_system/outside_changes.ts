/** The part of a {@linkcode FileSystem} that tells of changes that do not come over NFS. */
export interface OutsideChanges<Node extends object = object> {
  /**
   * Called by a server when it starts. Before the file system changes a file, or a
   * folder that is guarded, by itself, that is for none of the server's calls, it
   * awaits `recall`, so that no client goes on with what it was promised (RFC 8881
   * 10.4). That may take as long as a lease. What it only hears of afterwards, it
   * recalls then.
   */
  watch?(recall: (node: Node) => Promise<void>): void;

  /**
   * A client is about to be trusted with a file (a delegation). From now on, until
   * the result is disposed of, whatever else changes the file has it recalled;
   * `undefined` where that can't be promised, and the client is not trusted. It may
   * have opened the file by itself, which goes on as an open one does when something
   * else removes it. Must not throw. A file system without this method, but for
   * `watch`, changes by our calls alone.
   */
  guard?(file: Node): Disposable | undefined;

  /**
   * The same for a folder, its entries and its own attributes (a directory
   * delegation): the folder is recalled before, or as soon as, anything but our
   * calls changes them. Without this method no client is trusted with a folder of
   * a file system that has `watch` or `guard`.
   */
  guardFolder?(folder: Node): Disposable | undefined;
}

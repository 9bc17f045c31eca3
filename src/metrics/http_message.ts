/** Bytes of a request line and its headers. */
const MAX_HEAD = 8 * 1024;

/** What is looked at of a request. */
export interface RequestHead {
  /** As the client wrote it. */
  readonly method: string;
  /** What is asked for; `undefined` where that is no HTTP/1.x. */
  readonly url: URL | undefined;
}

/** Reads a request up to its body; `undefined` when the peer ends before. */
export async function readHead(
  conn: Pick<Deno.Conn, "read">,
): Promise<RequestHead | undefined> {
  const buffer = new Uint8Array(MAX_HEAD);
  for (let filled = 0; filled < MAX_HEAD;) {
    const length = await conn.read(buffer.subarray(filled));
    if (length === null) return undefined;
    filled += length;
    const text = latin1.decode(buffer.subarray(0, filled));
    if (/\r?\n\r?\n/.test(text)) return parse(text);
  }
  return { method: "", url: undefined };
}

/** Writes a whole response, the last of its connection; without its body for HEAD. */
export async function writeAnswer(
  conn: Pick<Deno.Conn, "write">,
  response: Response,
  { isHead }: { readonly isHead: boolean },
): Promise<void> {
  const body = new Uint8Array(await response.arrayBuffer());
  let head = `HTTP/1.1 ${response.status} ${response.statusText || "-"}\r\n`;
  for (const [name, value] of response.headers) head += `${name}: ${value}\r\n`;
  head += `content-length: ${body.length}\r\nconnection: close\r\n\r\n`;
  await writeAll(conn, new TextEncoder().encode(head));
  if (!isHead) await writeAll(conn, body);
}

const latin1 = new TextDecoder("latin1");

function parse(text: string): RequestHead {
  const [, method = "", target = ""] =
    /^([A-Z]+) (\/\S*|http:\/\/\S+) HTTP\/1\.\d\r?\n/.exec(text) ?? [];
  const url = URL.parse(target, "http://localhost") ?? undefined;
  return { method, url: target === "" ? undefined : url };
}

async function writeAll(
  conn: Pick<Deno.Conn, "write">,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

/** One end of a connection. */
export interface Endpoint {
  /** IP address; "unix" for a Unix socket. */
  readonly hostname: string;
  /** TCP port; `undefined` where there is none. */
  readonly port: number | undefined;
}

/** What a connection reads from and writes to: the part of `Deno.Conn` that is used. */
export interface Transport {
  /** Reads what is there; null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some of `bytes`; returns how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Tells the peer that nothing more is sent. */
  closeWrite(): Promise<void>;
  /** Ends both directions; what is under way rejects. */
  close(): void;
}

/** Makes another transport of one; the other end does the same. */
export type Secure = (transport: Transport) => Promise<Transport>;

/** A transport that a peer has opened to us, or we to it. */
export interface Connected {
  /** Reads and writes. */
  readonly transport: Transport;
  /** The other end. */
  readonly peer: Endpoint;
  /** This end. */
  readonly local: Endpoint;
}

/** Where the connections of a listener come from. */
export interface Acceptor {
  /** Waits for the next; rejects where it can't be had, and when it is closed. */
  accept(): Promise<Connected>;
  /** Accepts nothing more. */
  close(): void;
}

/** How a connection of this host is used. */
export function connected(conn: Deno.TcpConn | Deno.UnixConn): Connected {
  if ("setNoDelay" in conn) {
    try {
      conn.setNoDelay(true);
      conn.setKeepAlive(true);
    } catch {
      // Gone already; reading from it will say so.
    }
  }
  return {
    transport: conn,
    peer: endpointOf(conn.remoteAddr),
    local: endpointOf(conn.localAddr),
  };
}

/** The connections of a listener of this host, TCP or Unix. */
export function acceptorOf(
  listener: Deno.TcpListener | Deno.UnixListener,
): Acceptor {
  return {
    accept: async () => connected(await listener.accept()),
    close: () => listener.close(),
  };
}

/** Whether it is the end of a TCP connection. */
export function isTcp(
  endpoint: Endpoint,
): endpoint is Endpoint & { readonly port: number } {
  return endpoint.port !== undefined;
}

/** How logs name an endpoint. */
export function endpointText({ hostname, port }: Endpoint): string {
  return port === undefined ? hostname : `${hostname}:${port}`;
}

function endpointOf(address: Deno.NetAddr | Deno.UnixAddr): Endpoint {
  // A client's end of a Unix socket has no path.
  return "path" in address
    ? { hostname: "unix", port: undefined }
    : { hostname: address.hostname, port: address.port };
}

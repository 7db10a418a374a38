/** A cable between browser and server that can be pulled: TCP connections through a port of its own. */

import { connect, createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';

/** Passes bytes on no faster than a limit that may change. */
class Slowly extends Transform {
  constructor(private readonly bytesPerSecond: () => number) {
    super();
  }

  override _transform(piece: Buffer, _: BufferEncoding, done: TransformCallback): void {
    const ms = (1_000 * piece.byteLength) / this.bytesPerSecond();
    if (ms > 0) setTimeout(done, ms, null, piece);
    else done(null, piece);
  }
}

export class Relay {
  private readonly sockets = new Set<Socket>();
  private isPlugged = true;
  private bytesPerSecond = Infinity;

  private constructor(private readonly listener: NetServer) {}

  /** To a port on loopback. */
  static async to(port: number): Promise<Relay> {
    const listener = createServer();
    const relay = new Relay(listener);
    listener.on('connection', (near) => relay.join(near, port));
    await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
    return relay;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  /** The same address by way of this cable. */
  through(link: string): string {
    const url = new URL(link);
    url.port = String(this.port);
    return url.href;
  }

  /** Of each connection and direction. */
  limit(bytesPerSecond: number): void {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Every connection ends, and no new one comes about. */
  pull(): void {
    this.isPlugged = false;
    for (const socket of this.sockets) socket.destroy();
  }

  plugIn(): void {
    this.isPlugged = true;
  }

  async close(): Promise<void> {
    this.pull();
    await new Promise((done) => this.listener.close(done));
  }

  private join(near: Socket, port: number): void {
    if (!this.isPlugged) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(one);
      one.setNoDelay(true);
      one.pipe(new Slowly(() => this.bytesPerSecond)).pipe(other);
      // A cable that was pulled is no error of the story.
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.sockets.delete(one);
        other.destroy();
      });
    }
  }
}

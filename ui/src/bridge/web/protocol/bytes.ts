/** Big-endian numbers from bytes and into them. */

/** Takes numbers off the front of bytes; `undefined` when there are too few. */
export class Reader {
  private readonly view: DataView;
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.byteLength - this.at;
  }

  u8(): number | undefined {
    return this.left < 1 ? undefined : this.view.getUint8(this.advance(1));
  }

  u16(): number | undefined {
    return this.left < 2 ? undefined : this.view.getUint16(this.advance(2));
  }

  u32(): number | undefined {
    return this.left < 4 ? undefined : this.view.getUint32(this.advance(4));
  }

  /** A 64-bit number; exact up to 2^53, which is 285 years in microseconds. */
  u64(): number | undefined {
    if (this.left < 8) return undefined;
    const at = this.advance(8);
    return this.view.getUint32(at) * 2 ** 32 + this.view.getUint32(at + 4);
  }

  /** What is left, as a view of the same memory. */
  rest(): Uint8Array {
    return this.bytes.subarray(this.advance(this.left));
  }

  private advance(bytes: number): number {
    const at = this.at;
    this.at += bytes;
    return at;
  }
}

/** Writes numbers into bytes of a size that is known before. */
export class Writer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  private readonly view: DataView;
  private at = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  u8(value: number): this {
    this.view.setUint8(this.advance(1), value);
    return this;
  }

  u16(value: number): this {
    this.view.setUint16(this.advance(2), value);
    return this;
  }

  u32(value: number): this {
    this.view.setUint32(this.advance(4), value);
    return this;
  }

  u64(value: number): this {
    const at = this.advance(8);
    this.view.setUint32(at, Math.floor(value / 2 ** 32));
    this.view.setUint32(at + 4, value >>> 0);
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.bytes.set(bytes, this.advance(bytes.byteLength));
    return this;
  }

  private advance(bytes: number): number {
    const at = this.at;
    this.at += bytes;
    return at;
  }
}

/** Whether `a` comes after `b` among 32-bit numbers that wrap (RFC 1982). */
export function isAfter(a: number, b: number): boolean {
  const ahead = (a - b) >>> 0;
  return ahead !== 0 && ahead < 2 ** 31;
}

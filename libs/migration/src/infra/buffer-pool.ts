/** Buffers of one size that are used again. There are as many as were ever in use at once. */
export class BufferPool {
  private readonly free: Buffer[] = [];

  constructor(private readonly bytes: number) {}

  /** A buffer with whatever is in it. One that something may still write to is never given back. */
  take(): Buffer {
    return this.free.pop() ?? Buffer.allocUnsafeSlow(this.bytes);
  }

  give(buffer: Buffer): void {
    this.free.push(buffer);
  }
}

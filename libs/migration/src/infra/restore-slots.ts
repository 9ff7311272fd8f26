import { SEGMENT_MAX_BYTES } from '#dataset';
import { TransferBusyError } from '../domain/migration.errors.js';

/** Segments that are read or sent at once, each in memory of its own; that is what this process's memory depends on. */
const MOST_SLOTS = 4;
/** The largest segment with the padding of its last shards. */
const SLOT_BYTES = SEGMENT_MAX_BYTES + 256;
/** Requests that may wait for a slot. Connections to slow clients end after a while, so none waits for ever. */
const MOST_WAITING = 64;

export interface RestoreSlot {
  memory: SharedArrayBuffer;
  /** Puts other memory in the slot, because something may still write to the one it had. */
  replace(memory: SharedArrayBuffer): void;
  release: () => void;
}

/** The memory for restores: a fixed number of buffers, and a queue for those who want one. */
export class RestoreSlots {
  private readonly free: SharedArrayBuffer[] = [];
  private readonly waiting: ((memory: SharedArrayBuffer) => void)[] = [];
  private made = 0;

  /** @throws TransferBusyError when too many wait already */
  async take(): Promise<RestoreSlot> {
    let memory = await this.memory();
    let released = false;
    return {
      memory,
      replace: (other) => {
        memory = other;
      },
      release: () => {
        if (released) return;
        released = true;
        this.give(memory);
      },
    };
  }

  private memory(): SharedArrayBuffer | Promise<SharedArrayBuffer> {
    const known = this.free.pop();
    if (known) return known;
    if (this.made < MOST_SLOTS) {
      this.made += 1;
      return new SharedArrayBuffer(SLOT_BYTES);
    }
    if (this.waiting.length >= MOST_WAITING) throw new TransferBusyError();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private give(memory: SharedArrayBuffer): void {
    const next = this.waiting.shift();
    if (next) next(memory);
    else this.free.push(memory);
  }
}

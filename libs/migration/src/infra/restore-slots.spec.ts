import { TransferBusyError } from '../domain/migration.errors.js';
import { RestoreSlots } from './restore-slots.js';

describe('the slots for restores', () => {
  it('lend a fixed amount of memory, and pass it on', async () => {
    const slots = new RestoreSlots();
    const taken = await Promise.all([slots.take(), slots.take(), slots.take(), slots.take()]);
    let got = false;
    const fifth = slots.take().then((slot) => {
      got = true;
      return slot;
    });
    await Promise.resolve();
    expect(got).toBe(false);
    taken[1]!.release();
    expect((await fifth).memory).toBe(taken[1]!.memory);
    // Once released it is another's: a second release changes nothing.
    taken[1]!.release();
    const sixth = slots.take();
    taken[0]!.release();
    expect((await sixth).memory).toBe(taken[0]!.memory);
  });

  it('put other memory in the place of one that is not safe any more', async () => {
    const slots = new RestoreSlots();
    const slot = await slots.take();
    const other = new SharedArrayBuffer(slot.memory.byteLength);
    slot.replace(other);
    slot.release();
    expect((await slots.take()).memory).toBe(other);
  });

  it('turn callers away when too many wait', async () => {
    const slots = new RestoreSlots();
    for (let count = 0; count < 4; count += 1) await slots.take();
    for (let count = 0; count < 64; count += 1) void slots.take();
    await expect(slots.take()).rejects.toThrow(TransferBusyError);
  });
});

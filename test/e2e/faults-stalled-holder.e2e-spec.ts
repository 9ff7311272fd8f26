import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemUnitOfWork } from '#database';
import { newId } from '#kernel';
import { LedgerProcess } from '../../libs/ledger/src/testing/ledger-process.js';
import { createTestDatabase } from '../support/embedded-database.js';
import { until } from '../support/until.js';

/** Less than the 60 seconds within which the log promises to include an entry. */
const TAKEN_OVER_WITHIN_MS = 30_000;

it('a sequencer that stalls in the middle of its transaction does not keep the log', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'freehold-stalled-'));
  const database = await createTestDatabase();
  const [stalled, other] = [await LedgerProcess.worker(database, folder), await LedgerProcess.worker(database, folder)];
  try {
    await stalled.openChain(newId('tenant'), new Uint8Array(32).fill(1));
    expect(await stalled.sequencer.tick()).toBe(1);
    let attempts = 0;
    const transaction = stalled.module.get(SystemUnitOfWork).run(async (tx) => {
      attempts += 1;
      if (attempts > 1) return 'the second attempt';
      await tx.query('SELECT 1 FROM ledger_head FOR UPDATE');
      await until('the other leads', () => other.sequencer.status().state === 'leading', 2 * TAKEN_OVER_WITHIN_MS);
      return 'the first attempt';
    });
    const settled = transaction.catch((error: Error) => error.message);
    const leads = async () => {
      await other.sequencer.tick();
      return other.sequencer.status().state === 'leading';
    };
    await until('the other leads', leads, TAKEN_OVER_WITHIN_MS);
    expect(await settled).not.toBe('the first attempt');
    await other.openChain(newId('tenant'), new Uint8Array(32).fill(2));
    expect(await other.sequencer.tick()).toBe(1);
    expect(await stalled.sequencer.tick()).toBe(0);
    expect(stalled.sequencer.status().state).toBe('standby');
  } finally {
    await stalled.close();
    await other.close();
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);

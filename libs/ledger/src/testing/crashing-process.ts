import { appendFileSync, closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { UnitOfWork } from '#database';
import { armFailpoints, newId, SYSTEM_TENANT_ID } from '#kernel';
import { ServiceKeys } from '#keyring';
import type { TestDatabase } from '../../../../test/support/embedded-database.js';
import { LedgerWriter } from '../app/ledger-writer.js';
import { RotateLogKeyService } from '../app/rotate-log-key.service.js';
import { LogIdentity } from '../infra/log-identity.js';
import { LogKeyRepository } from '../infra/log-key.repository.js';
import { contextOf, LedgerProcess } from './ledger-process.js';

/** What a test has a process of its own do, and where it is to end or stop. Comes as JSON in the first argument. */
export interface CrashOrder {
  database: TestDatabase;
  folder: string;
  act: 'sequence' | 'rotate';
  failpoint: string;
  signal: 'SIGKILL' | 'SIGSTOP';
  /** Where the name of the failpoint goes as it fires. */
  firedFile: string;
  /** Where every checkpoint goes that this process signs, whatever becomes of it. */
  signedFile: string;
}

/** Changes the log's key, as the API process does. */
export function rotationOf({ module }: LedgerProcess): Promise<unknown> {
  const service = new RotateLogKeyService(
    module.get(UnitOfWork),
    module.get(ServiceKeys),
    module.get(LogIdentity),
    module.get(LogKeyRepository),
    module.get(LedgerWriter),
  );
  const ctx = contextOf(SYSTEM_TENANT_ID);
  return service.execute({ ...ctx, requestId: newId('request'), permissions: new Set(['system:ledger:write']) });
}

/** Writes down each checkpoint as it is signed, before anything else happens to it. */
export function recordSigned(process: LedgerProcess, file: string): void {
  const identity = process.module.get(LogIdentity);
  const sign = identity.signCheckpoint.bind(identity);
  identity.signCheckpoint = (head) => {
    const note = sign(head);
    appendFileSync(file, `${JSON.stringify(note)}\n`);
    return note;
  };
}

const TURNS = 3;

async function main(order: CrashOrder): Promise<void> {
  const { database, folder, act, signal, firedFile, signedFile } = order;
  const own = await (act === 'rotate' ? LedgerProcess.api(database, folder) : LedgerProcess.worker(database, folder));
  recordSigned(own, signedFile);
  armFailpoints((name) => {
    if (name !== order.failpoint) return;
    const file = openSync(firedFile, 'w');
    writeSync(file, name);
    fsyncSync(file);
    closeSync(file);
    armFailpoints(() => undefined);
    process.kill(process.pid, signal);
  });
  if (act === 'rotate') await rotationOf(own);
  else for (let turn = 0; turn < TURNS; turn++) await own.sequencer.tick();
  process.stdout.write(`${act === 'sequence' ? own.sequencer.status().state : 'rotated'}\n`);
  await own.close();
}

const [order] = process.argv.slice(2);
if (order && process.argv[1] === import.meta.filename) await main(JSON.parse(order) as CrashOrder);

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiClient } from './api-client.js';
import type { RealStack } from './real-stack.js';
import { untilFound } from './until-found.js';

const WITHIN_MS = 60_000;

/** Waits until a chain covers the entry. @returns the newest checkpoint by then */
export async function untilAnchored(client: ApiClient, entryId: string): Promise<string> {
  const anchored = async () => {
    const entry = await client.get(`/v1/ledger/entries/${entryId}`);
    return entry.state === 'anchored' ? entry : null;
  };
  await untilFound(`${entryId} is anchored`, anchored, WITHIN_MS);
  return client.text('/v1/log/checkpoint');
}

/** What the sequencer keeps outside the database, byte for byte. */
export function headFileOf(stack: RealStack): string {
  return readFileSync(join(stack.dataDir, 'ledger-head.json'), 'utf8');
}

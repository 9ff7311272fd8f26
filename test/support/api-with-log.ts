import { Test } from '@nestjs/testing';
import pg from 'pg';
import { DatabaseModule } from '#database';
import { KeyringModule } from '#keyring';
import { LedgerModule, Sequencer, SequencerModule } from '#ledger';
import { ClockModule } from '#telemetry';
import { startTestApi, type TestApi } from './test-api.js';

/** The API over HTTP with the log's sequencer beside it, one turn at a time. */
export interface ApiWithLog extends TestApi {
  sequencer: Sequencer;
  /** As a superuser whom nothing stops. */
  sql<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  /** The bytes of a reply that must succeed. */
  bytes(path: string, apiKey?: string): Promise<Uint8Array>;
}

export async function startApiWithLog(): Promise<ApiWithLog> {
  const api = await startTestApi();
  const worker = await Test.createTestingModule({
    imports: [
      DatabaseModule.forRoot({ url: api.database.urls.freehold_system, role: 'system', applicationName: 'test' }),
      ClockModule.forRoot(),
      KeyringModule.forRoot(api.settings),
      LedgerModule.forRoot(api.settings),
      SequencerModule.forRoot(api.settings),
    ],
  }).compile();
  const admin = new pg.Client({ connectionString: api.database.adminUrl });
  await admin.connect();
  return {
    ...api,
    sequencer: worker.get(Sequencer),
    sql: async (text, values) => (await admin.query(text, values)).rows,
    async bytes(path, apiKey) {
      const reply = await fetch(api.url + path, { headers: apiKey ? { authorization: `Bearer ${apiKey}` } : {} });
      if (reply.status !== 200) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
      return new Uint8Array(await reply.arrayBuffer());
    },
    async close() {
      await admin.end();
      await worker.close();
      await api.close();
    },
  };
}

import { Test } from '@nestjs/testing';
import pg from 'pg';
import { DatabaseModule } from '#database';
import { KeyringModule } from '#keyring';
import { LedgerModule, Sequencer, SequencerModule } from '#ledger';
import { HistoryAudit, type HistoryReport, nodeCrypto, readLedgerState, type StateHeader, verifyBundle } from '#proof';
import { ClockModule } from '#telemetry';
import { startTestApi, type TestApi } from './test-api.js';

/** The log's sequencer beside an API, one turn at a time, and what an auditor and a superuser can do. */
export interface LogBeside {
  sequencer: Sequencer;
  /** As a superuser whom nothing stops. */
  sql<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  /** The bytes of a reply that must succeed. */
  bytes(path: string, apiKey?: string): Promise<Uint8Array>;
  /** Takes the state, lets the log take in what the state knows of, and holds the bundle against it. */
  audit(tenant: { apiKey: string; viewKey?: Uint8Array }): Promise<HistoryReport>;
  closeLog(): Promise<void>;
}

export async function logBeside(api: TestApi): Promise<LogBeside> {
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
  const sequencer = worker.get(Sequencer);
  const bytes = async (path: string, apiKey?: string) => {
    const reply = await fetch(api.url + path, { headers: apiKey ? { authorization: `Bearer ${apiKey}` } : {} });
    if (reply.status !== 200) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
    return new Uint8Array(await reply.arrayBuffer());
  };
  return {
    sequencer,
    sql: async (text, values) => (await admin.query(text, values)).rows,
    bytes,
    async audit({ apiKey, viewKey }) {
      const state = await bytes('/v1/ledger/state', apiKey);
      await sequencer.tick();
      return holdAgainst(state, await bytes('/v1/ledger/bundle', apiKey), viewKey);
    },
    async closeLog() {
      await admin.end();
      await worker.close();
    },
  };
}

export async function holdAgainst(
  state: Uint8Array,
  bundle: Uint8Array,
  viewKey: Uint8Array | undefined,
): Promise<HistoryReport> {
  let header: StateHeader | null = null;
  for await (const line of readLedgerState([state])) if (line.type === 'header') header = line.header;
  const history = new HistoryAudit(header);
  const onEntry = history.entry.bind(history);
  const report = await verifyBundle([bundle], { crypto: nodeCrypto, viewKey, onEntry });
  for await (const line of readLedgerState([state])) if (line.type === 'resource') history.resource(line.record);
  return history.finish(report);
}

export type ApiWithLog = TestApi & LogBeside;

export async function startApiWithLog(): Promise<ApiWithLog> {
  const api = await startTestApi();
  const log = await logBeside(api);
  return {
    ...api,
    ...log,
    async close() {
      await log.closeLog();
      await api.close();
    },
  };
}

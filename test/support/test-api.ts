import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { loadSettings, type Settings } from '#config';
import { createLogger } from '#telemetry';
import { bootstrapOperator } from '../../apps/api/src/bootstrap-operator.js';
import { createApi } from '../../apps/api/src/create-api.js';
import { createTestDatabase, type TestDatabase } from './embedded-database.js';
import { RootKey } from './request-signer.js';

/** A reply, read whole. */
export interface TestReply {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into replies of every shape
  body: any;
}

/** A caller with one API key. */
export type Caller = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<TestReply>;

/** The real API process, in this one, on a database of its own and a free port. */
export interface TestApi {
  url: string;
  app: NestFastifyApplication;
  database: TestDatabase;
  settings: Settings;
  /** A caller with the operator's key. */
  operator: Caller;
  caller(apiKey: string | null): Caller;
  /** A new tenant with its owner as caller. */
  tenant(name?: string): Promise<{ id: string; apiKey: string; viewKey: Buffer; rootKey: RootKey; call: Caller }>;
  close(): Promise<void>;
}

/** @param environment further settings, as environment variables */
export async function startTestApi(environment: Record<string, string> = {}): Promise<TestApi> {
  const database = await createTestDatabase();
  const dataDir = mkdtempSync(join(tmpdir(), 'freehold-api-'));
  const settings = loadSettings({ FREEHOLD_DATA_DIR: dataDir, FREEHOLD_LOG_LEVEL: 'silent', ...environment });
  const logger = createLogger({ process: 'api', level: 'silent' });
  const credentials = await bootstrapOperator(settings, database.urls.freehold_system, logger);
  const app = await createApi(settings, database.urls.freehold_api, logger);
  await app.listen(0, '127.0.0.1');
  const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
  const caller = (apiKey: string | null) => callerOf(url, apiKey);
  const operator = caller(credentials?.apiKey ?? null);
  return {
    url,
    app,
    database,
    settings,
    operator,
    caller,
    async tenant(name = `tenant ${randomBytes(4).toString('hex')}`) {
      const viewKey = randomBytes(32);
      const rootKey = new RootKey();
      const created = await operator('POST', '/v1/system/tenants', {
        name,
        rootPublicKey: rootKey.publicKey,
        viewKey: viewKey.toString('base64'),
      });
      if (created.status !== 201) throw new Error(`no tenant: ${JSON.stringify(created.body)}`);
      const apiKey = created.body.ownerApiKey as string;
      return { id: created.body.id as string, apiKey, viewKey, rootKey, call: caller(apiKey) };
    },
    async close() {
      await app.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function callerOf(url: string, apiKey: string | null): Caller {
  return async (method, path, body, headers = {}) => {
    const reply = await fetch(url + path, {
      method,
      headers: {
        ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await reply.text();
    const isJson = /json/.test(reply.headers.get('content-type') ?? '');
    return { status: reply.status, headers: reply.headers, body: isJson ? JSON.parse(text) : text };
  };
}

import { NestFactory } from '@nestjs/core';
import { DatabaseModule, SystemUnitOfWork } from '#database';
import { newId, SYSTEM_TENANT_ID } from '#kernel';
import { ClockModule } from '#telemetry';
import { createTestDatabase } from '../../../test/support/embedded-database.js';
import { Operations } from './app/operations.js';
import { OperationsModule } from './operations.module.js';

let uow: SystemUnitOfWork;
let operations: Operations;
let close: () => Promise<void>;

beforeAll(async () => {
  const { urls } = await createTestDatabase();
  const url = urls.freehold_system;
  const module = {
    module: class OperationsTestModule {},
    imports: [
      DatabaseModule.forRoot({ url, role: 'system', applicationName: 'operations-test', poolSize: 4 }),
      ClockModule.forRoot(),
      OperationsModule,
    ],
  };
  const app = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
  close = () => app.close();
  uow = app.get(SystemUnitOfWork);
  operations = app.get(Operations);
  await uow.run((tx) =>
    tx.execute(`INSERT INTO tenant (id, name, name_folded) VALUES ($1, 'system', 'system') ON CONFLICT DO NOTHING`, [
      SYSTEM_TENANT_ID,
    ]),
  );
});
afterAll(() => close?.());

function target() {
  return { tenantId: SYSTEM_TENANT_ID, resourceId: newId('dataset'), kind: 'dataset.delete' };
}

function start({ tenantId, resourceId, kind }: ReturnType<typeof target>, total?: number) {
  const resource = { type: 'dataset', id: resourceId };
  return uow.run((tx) => operations.start(tx, { tenantId, kind, resource, total, unit: 'segments' }));
}

async function rowOf(id: string) {
  const [row] = await uow.run((tx) =>
    tx.query('SELECT state, done::int, total::int, error, version FROM operation WHERE id = $1', [id]),
  );
  return row;
}

describe('Operations', () => {
  it('runs once for a resource and a kind, however many start it at once', async () => {
    const one = target();
    const ids = await Promise.all(Array.from({ length: 8 }, () => start(one, 3)));
    expect(new Set(ids).size).toBe(1);
    await uow.run((tx) => operations.succeed(tx, one));
    expect(await start(one)).not.toBe(ids[0]);
  });

  it('goes forward only, loses no step of workers at once, and is not moved after its end', async () => {
    const one = target();
    const id = await start(one, 0);
    await Promise.all(
      Array.from({ length: 10 }, () => uow.run(async (tx) => operations.advance(tx, one, { done: 1, total: 2 }))),
    );
    expect(await rowOf(id)).toMatchObject({ state: 'running', done: 10, total: 20, version: 11 });
    await expect(uow.run(async (tx) => operations.advance(tx, one, { done: -1 }))).rejects.toThrow(RangeError);
    await uow.run((tx) => operations.cancel(tx, one));
    await uow.run(async (tx) => operations.advance(tx, one, { done: 1 }));
    await uow.run((tx) => operations.succeed(tx, one));
    expect(await rowOf(id)).toMatchObject({ state: 'cancelled', done: 10, total: 20, version: 12 });
  });

  it('keeps of a failure the code and the detail alone', async () => {
    const one = target();
    const id = await start(one);
    const thrown = { code: 'DiskFull', detail: 'No space.', stack: 'at secret.ts', apiKey: 'fh_x' };
    await uow.run((tx) => operations.fail(tx, one, thrown));
    expect(await rowOf(id)).toMatchObject({
      state: 'failed',
      total: null,
      error: { code: 'DiskFull', detail: 'No space.' },
    });
  });

  it('is not ahead of work that was rolled back', async () => {
    const one = target();
    const id = await start(one, 5);
    const failing = uow.run(async (tx) => {
      operations.advance(tx, one, { done: 1 });
      await tx.query('SELECT 1/0');
    });
    await expect(failing).rejects.toThrow();
    expect(await rowOf(id)).toMatchObject({ done: 0, version: 1 });
  });
});

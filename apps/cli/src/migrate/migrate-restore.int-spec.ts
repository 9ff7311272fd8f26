import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { deriveDatasetKeys, newDatasetKey, signKeyDocument, wrapDatasetKey } from '#dataset';
import {
  type MigrationStack,
  type MigrationTenant,
  startMigrationStack,
} from '../../../../test/support/migration-stack.js';
import { RequestSigner } from '../../../../test/support/request-signer.js';
import { type MigrateFolder, migrateFolder } from './migrate-folder.js';
import { MigrationApi } from './migration-api.js';
import { restoreDataset } from './restore-dataset.js';

let stack: MigrationStack;
let system: pg.Client;
/** The superuser: what an operator who means harm can do. */
let admin: pg.Client;
beforeAll(async () => {
  stack = await startMigrationStack();
  system = new pg.Client({ connectionString: stack.api.database.urls.freehold_system });
  admin = new pg.Client({ connectionString: stack.api.database.adminUrl });
  await Promise.all([system.connect(), admin.connect()]);
});
afterAll(async () => {
  await Promise.all([system?.end(), admin?.end()]);
  await stack?.close();
});

function moveOf(tenant: MigrationTenant, folder: string, datasetName: string): MigrateFolder {
  return {
    ...tenant,
    identities: [],
    folder,
    datasetName,
    noRecovery: false,
    skipUnreadable: false,
    patience: { forMs: 20_000 },
  };
}

function restoreOf(tenant: MigrationTenant, folder: string, datasetName: string) {
  return {
    ...tenant,
    identities: [tenant.identities[1]],
    folder,
    datasetName,
    trustedSigners: [tenant.signer.publicKey],
    stateFolder: join(stack.folder, 'another-machine'),
    allowOutsideLinks: false,
    patience: { forMs: 20_000 },
  };
}

/** Everything that must come back: names, kinds, modes, times to the microsecond, contents. */
function picture(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (within: Buffer) => {
    for (const name of readdirSync(within, { encoding: 'buffer' })) {
      const path = Buffer.concat([within, Buffer.from('/'), name]);
      const key = path.subarray(Buffer.byteLength(folder) + 1).toString('latin1');
      const stats = lstatSync(path, { bigint: true });
      const time = (stats.mtimeNs / 1000n).toString();
      if (stats.isSymbolicLink()) found[key] = `link ${readlinkSync(path)} ${time}`;
      else if (stats.isDirectory()) {
        found[key] = `dir ${stats.mode.toString(8)} ${time}`;
        walk(path);
      } else {
        const hash = createHash('sha256').update(readFileSync(path)).digest('hex');
        found[key] = `file ${stats.mode.toString(8)} ${time} ${hash}`;
      }
    }
  };
  walk(Buffer.from(folder));
  return found;
}

/** A folder with everything that a folder can hold, and `megabytes` of random data with some of it twice. */
function makeSource(name: string, megabytes: number): string {
  const folder = join(stack.folder, name);
  mkdirSync(join(folder, 'deep/er/est'), { recursive: true });
  mkdirSync(join(folder, 'empty'), { mode: 0o700 });
  const big = randomBytes(megabytes * 1_000_000);
  writeFileSync(join(folder, 'big.bin'), big);
  writeFileSync(join(folder, 'deep/er/copy.bin'), Buffer.concat([randomBytes(777), big.subarray(0, 1_500_000)]));
  writeFileSync(join(folder, 'zero'), '');
  writeFileSync(join(folder, 'one'), 'x', { mode: 0o640 });
  writeFileSync(join(folder, 'deep/er/est/zahlen-äöü-日本語-🚀.txt'), 'unicode');
  writeFileSync(join(folder, 'deep/u\u0308ber.txt'), 'decomposed');
  writeFileSync(join(folder, 'deep/über.txt'), 'composed');
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/not-utf8-`), Buffer.from([0xff, 0xfe])]), 'raw name');
  for (let index = 0; index < 50; index += 1) writeFileSync(join(folder, `deep/small-${index}`), `small ${index % 7}`);
  chmodSync(join(folder, 'one'), 0o751);
  symlinkSync('../one', join(folder, 'deep/link'));
  symlinkSync('er/est', join(folder, 'deep/dir-link'));
  utimesSync(join(folder, 'one'), 1_600_000_000.123456, 1_600_000_000.123456);
  utimesSync(join(folder, 'empty'), 1_500_000_000, 1_500_000_000);
  return folder;
}

describe('moving a folder', () => {
  it('brings back identical bytes, names, modes and times, also after any two nodes are lost', async () => {
    const tenant = await stack.tenant();
    const source = makeSource('source-1', 20);
    const before = picture(source);
    const moved = await migrateFolder(moveOf(tenant, source, 'first'));
    expect(moved).toMatchObject({ manifestVersion: 1, continued: false, notes: [] });
    expect(moved.newBytes).toBeLessThan(moved.bytes - 1_000_000);
    const lost = [stack.nodes[0]!, stack.nodes[4]!];
    for (const { location } of lost) renameSync(location, `${location}.away`);
    try {
      const target = join(stack.folder, 'restored-1');
      const restored = await restoreDataset(restoreOf(tenant, target, 'first'));
      expect(picture(target)).toEqual(before);
      expect(restored.contentRoot).toBe(moved.contentRoot);
      expect(restored.refusedLinks).toEqual([]);
    } finally {
      for (const { location } of lost) renameSync(`${location}.away`, location);
    }
  });

  it('is signed where every action must be, and nothing is moved unsigned', async () => {
    const tenant = await stack.tenant();
    const signer = new RequestSigner();
    await signer.enrol(tenant.call, tenant.rootKey);
    const signed = signer.caller(stack.api.url, tenant.call);
    expect((await signed('PUT', '/v1/tenant/signature-policy', { mode: 'required' })).status).toBe(200);
    const source = makeSource('source-signed', 3);
    const refused = migrateFolder(moveOf(tenant, source, 'signed'));
    await expect(refused).rejects.toMatchObject({ code: 'SignatureRequired' });
    const access = { url: stack.api.url, apiKey: tenant.apiKey, patience: { forMs: 20_000 } };
    const api = new MigrationApi({ ...access, signingKey: signer });
    const moved = await migrateFolder({ ...moveOf(tenant, source, 'signed'), api });
    expect(moved.manifestVersion).toBe(1);
    const target = join(stack.folder, 'restored-signed');
    await restoreDataset({ ...restoreOf(tenant, target, 'signed'), api });
    expect(picture(target)).toEqual(picture(source));
    const { rows } = await admin.query(
      `SELECT convert_from(body, 'UTF8')::json AS body FROM ledger_entry WHERE tenant_id = $1 AND action ~ '^(dataset|migration)'`,
      [tenant.id],
    );
    const custodial = rows.filter(({ body }) => body.actor.type === 'user' && body.vouched.mode !== 'signed');
    expect(rows.length).toBeGreaterThan(3);
    expect(custodial).toEqual([]);
  });

  it('goes on where it was interrupted, and uploads no segment twice', async () => {
    const tenant = await stack.tenant();
    const source = makeSource('source-2', 60);
    const interrupted = new AbortController();
    let uploaded = 0;
    const first = migrateFolder({
      ...moveOf(tenant, source, 'resumed'),
      patience: { forMs: 20_000, signal: interrupted.signal },
      onProgress: (progress) => {
        uploaded = progress.uploadedSegments;
        if (uploaded >= 3) interrupted.abort(new Error('pulled the plug'));
      },
    });
    await expect(first).rejects.toThrow();
    const { rows: arrived } = await system.query(
      "SELECT id FROM segment WHERE tenant_id = $1 AND state <> 'registered'",
      [tenant.id],
    );
    expect(arrived.length).toBeGreaterThanOrEqual(3);
    const second = await migrateFolder(moveOf(tenant, source, 'resumed'));
    expect(second.manifestVersion).toBe(1);
    const { rows: all } = await system.query("SELECT id FROM segment WHERE tenant_id = $1 AND state <> 'registered'", [
      tenant.id,
    ]);
    expect(all.length).toBe(arrived.length + second.uploadedSegments);
    const target = join(stack.folder, 'restored-2');
    await restoreDataset(restoreOf(tenant, target, 'resumed'));
    expect(picture(target)).toEqual(picture(source));
  });

  it('survives that the data process and the workers are away for a while', async () => {
    const tenant = await stack.tenant();
    const source = makeSource('source-3', 30);
    await stack.worker.stop();
    let outage: Promise<void> | null = null;
    const moved = await migrateFolder({
      ...moveOf(tenant, source, 'outages'),
      onProgress: ({ uploadedSegments, phase }) => {
        if (uploadedSegments >= 1) outage ??= stack.data.stop().then(() => stack.data.start());
        if (phase === 'placing') void stack.worker.start();
      },
    });
    await outage;
    expect(moved.uploadedSegments).toBeGreaterThan(3);
    const target = join(stack.folder, 'restored-3');
    await restoreDataset(restoreOf(tenant, target, 'outages'));
    expect(picture(target)).toEqual(picture(source));
  });

  it('uploads again what the server lost before it was placed', async () => {
    const tenant = await stack.tenant();
    const source = makeSource('source-4', 20);
    await stack.worker.stop();
    let passes = 0;
    const moved = await migrateFolder({
      ...moveOf(tenant, source, 'lossy'),
      onProgress: ({ phase }) => {
        if (phase !== 'placing' || passes > 0) return;
        passes += 1;
        const staged = join(stack.folder, 'staging', tenant.id);
        for (const name of readdirSync(staged)) rmSync(join(staged, name));
        void stack.worker.start();
      },
    });
    expect(moved.manifestVersion).toBe(1);
    const target = join(stack.folder, 'restored-4');
    await restoreDataset(restoreOf(tenant, target, 'lossy'));
    expect(picture(target)).toEqual(picture(source));
  });

  it('stores of a later version only what is new, and keeps the earlier one', async () => {
    const tenant = await stack.tenant();
    const source = makeSource('source-5', 20);
    const before = picture(source);
    const first = await migrateFolder(moveOf(tenant, source, 'versions'));
    writeFileSync(join(source, 'new'), randomBytes(300_000));
    rmSync(join(source, 'deep/small-1'));
    const second = await migrateFolder(moveOf(tenant, source, 'versions'));
    expect(second).toMatchObject({ manifestVersion: 2, newBytes: 300_000 });
    expect(second.uploadedBytes).toBeLessThan(600_000);
    for (const [version, expected] of [
      [1, before],
      [2, picture(source)],
    ] as const) {
      const target = join(stack.folder, `restored-5-${version}`);
      await restoreDataset({ ...restoreOf(tenant, target, 'versions'), manifestVersion: version });
      expect(picture(target)).toEqual(expected);
    }
    const manifest = await tenant.api.manifest(first.datasetId, 2);
    expect(JSON.parse(Buffer.from(manifest.statement, 'base64').toString())).toMatchObject({
      previous: first.contentRoot,
    });
  });

  it('goes on from another machine, with an identity and without what the first one knew', async () => {
    const tenant = await stack.tenant();
    const source = makeSource('source-6', 10);
    const first = await migrateFolder(moveOf(tenant, source, 'machines'));
    const elsewhere = { ...moveOf(tenant, source, 'machines'), stateFolder: join(stack.folder, 'second-machine') };
    await expect(migrateFolder(elsewhere)).rejects.toMatchObject({ code: 'WrongDatasetKey' });
    const second = await migrateFolder({ ...elsewhere, identities: [tenant.identities[0]] });
    expect(second).toMatchObject({ manifestVersion: 2, datasetId: first.datasetId, newBytes: 0 });
    expect(second.uploadedSegments).toBe(1);
  });

  it('moves an empty folder, and says what it cannot move', async () => {
    const tenant = await stack.tenant();
    const source = join(stack.folder, 'source-7');
    mkdirSync(source);
    expect(await migrateFolder(moveOf(tenant, source, 'empty'))).toMatchObject({ files: 0, bytes: 0 });
    const target = join(stack.folder, 'restored-7');
    await restoreDataset(restoreOf(tenant, target, 'empty'));
    expect(readdirSync(target)).toEqual([]);
    execFileSync('mkfifo', [join(source, 'pipe')]);
    symlinkSync('/etc/passwd', join(source, 'out'));
    const { notes } = await migrateFolder(moveOf(tenant, source, 'empty'));
    expect(notes.map((note) => note.path).sort()).toEqual(['out', 'pipe']);
    const second = join(stack.folder, 'restored-7b');
    expect(await restoreDataset(restoreOf(tenant, second, 'empty'))).toMatchObject({ refusedLinks: ['out'] });
    expect(readdirSync(second)).toEqual([]);
    await expect(migrateFolder(moveOf(tenant, join(source, 'none'), 'empty'))).rejects.toMatchObject({
      code: 'SourceUnreadable',
    });
  });

  it('lets one run at a time work on a dataset', async () => {
    const tenant = await stack.tenant();
    const source = makeSource('source-8', 10);
    const both = await Promise.allSettled([
      migrateFolder(moveOf(tenant, source, 'locked')),
      migrateFolder(moveOf(tenant, source, 'locked')),
    ]);
    const refused = both.filter((outcome) => outcome.status === 'rejected');
    expect(refused.map((outcome) => outcome.reason.code)).toEqual(['AlreadyRunning']);
  });
});

describe('what the operator has', () => {
  it('is nothing of the plaintext: no content, no name, no key', async () => {
    const tenant = await stack.tenant();
    const source = join(stack.folder, 'source-secret');
    mkdirSync(source);
    const canary = 'canary-8c1f-of-the-content';
    writeFileSync(join(source, 'canary-77ab-of-the-name.txt'), canary.repeat(2000));
    await migrateFolder(moveOf(tenant, source, 'secret'));
    const keptKey = readFileSync(
      join(tenant.stateFolder, readdirSync(tenant.stateFolder)[0]!, 'dataset-key'),
      'utf8',
    ).trim();
    const needles = [
      canary,
      'canary-77ab',
      keptKey,
      Buffer.from(keptKey, 'base64').toString('hex'),
      ...tenant.identities,
    ];
    const found: string[] = [];
    const search = (where: string, content: Buffer) => {
      for (const needle of needles) if (content.includes(needle)) found.push(`${where}: ${needle.slice(0, 12)}`);
      for (const needle of needles)
        if (content.includes(Buffer.from(needle).toString('hex'))) found.push(`${where} (hex): ${needle.slice(0, 12)}`);
    };
    for (const { location } of stack.nodes) {
      for (const file of readdirSync(location, { recursive: true, withFileTypes: true })) {
        if (file.isFile()) search(file.name, readFileSync(join(file.parentPath, file.name)));
      }
    }
    const { rows: tables } = await admin.query(
      "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('public', 'bullmq')",
    );
    expect(tables.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['public.segment', 'public.outbox', 'bullmq.job']),
    );
    for (const { name } of tables) {
      const { rows } = await admin.query(`SELECT t::text AS line FROM ${name} t`);
      for (const { line } of rows) search(name, Buffer.from(line));
    }
    expect(found).toEqual([]);
  });

  it('cannot give the client a key of its own making', async () => {
    const tenant = await stack.tenant();
    const source = makeSource('source-9', 10);
    const { datasetId } = await migrateFolder(moveOf(tenant, source, 'victim'));
    const mallory = await stack.tenant();
    const keys = deriveDatasetKeys(datasetId, newDatasetKey());
    const forged = signKeyDocument(mallory.signer, {
      dataset: datasetId,
      wrapped: await wrapDatasetKey(datasetId, newDatasetKey(), tenant.recipients),
      recipients: tenant.recipients,
      recovery: true,
      keyCheck: keys.keyCheck.toString('hex'),
    });
    await admin.query('UPDATE dataset SET key_document = $2, key_signer = $3 WHERE id = $1', [
      datasetId,
      JSON.stringify(forged),
      Buffer.from(mallory.signer.publicKey),
    ]);
    await expect(migrateFolder(moveOf(tenant, source, 'victim'))).rejects.toMatchObject({ code: 'UntrustedSignature' });
    const target = join(stack.folder, 'restored-9');
    await expect(restoreDataset(restoreOf(tenant, target, 'victim'))).rejects.toMatchObject({
      code: 'UntrustedSignature',
    });
  });

  it('cannot change a version: not its manifest, not a record, not a shard', async () => {
    const tenant = await stack.tenant();
    const source = makeSource('source-10', 10);
    const { datasetId } = await migrateFolder(moveOf(tenant, source, 'tampered'));
    const restore = (name: string) =>
      restoreDataset(restoreOf(tenant, join(stack.folder, `restored-10-${name}`), 'tampered'));
    const changed = async (name: string, change: string, undo: string, code: string | RegExp) => {
      await admin.query(change, [datasetId]);
      const error = await restore(name).catch((caught: unknown) => caught as { code: string });
      expect(error).toMatchObject({ code: expect.stringMatching(code) });
      expect(existsSync(join(stack.folder, `restored-10-${name}`))).toBe(false);
      await admin.query(undo, [datasetId]);
    };
    const flip = (column: string, table: string) =>
      `UPDATE ${table} SET ${column} = set_byte(${column}, 10, get_byte(${column}, 10) # 1) WHERE dataset_id = $1`;
    await changed(
      'statement',
      flip('statement', 'manifest'),
      flip('statement', 'manifest'),
      /CorruptDataset|UntrustedSignature/,
    );
    await changed('signature', flip('signature', 'manifest'), flip('signature', 'manifest'), 'UntrustedSignature');
    await changed('key', flip('wrapped_key', 'segment'), flip('wrapped_key', 'segment'), 'CorruptDataset');
    await changed('roots', flip('shard_roots', 'segment'), flip('shard_roots', 'segment'), 'CorruptDataset');
    await restore('untouched');
    expect(picture(join(stack.folder, 'restored-10-untouched'))).toEqual(picture(source));
  });
});

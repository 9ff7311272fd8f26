import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  type MigrationStack,
  type MigrationTenant,
  startMigrationStack,
} from '../../../../test/support/migration-stack.js';
import { type MigrateFolder, migrateFolder } from './migrate-folder.js';
import { restoreDataset } from './restore-dataset.js';

let stack: MigrationStack;
beforeAll(async () => {
  stack = await startMigrationStack();
});
afterAll(() => stack?.close());

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
    expect(moved.manifestVersion).toBe(1);
    expect(moved.newBytes).toBeLessThan(moved.bytes - 1_000_000);

    for (const lost of [stack.nodes[0]!, stack.nodes[4]!]) rmSync(lost.location, { recursive: true, force: true });
    const target = join(stack.folder, 'restored-1');
    const restored = await restoreDataset(restoreOf(tenant, target, 'first'));
    expect(picture(target)).toEqual(before);
    expect(restored.contentRoot).toBe(moved.contentRoot);
    expect(restored.refusedLinks).toEqual([]);
  });
});

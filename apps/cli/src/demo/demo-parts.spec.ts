import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeBody } from '#proof';
import { SampleLog } from '../../../../libs/proof/src/testing/sample-log.js';
import { projectFolder } from '../connection/local-stack.js';
import { firstDifference } from './compare-folders.js';
import { readScenario } from './scenario.js';
import { tamperCopy } from './tamper.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freehold-demo-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the comparison of two folders', () => {
  let left: string;
  let right: string;
  beforeEach(() => {
    left = join(folder, 'left');
    right = join(folder, 'right');
    mkdirSync(join(left, 'deep/empty'), { recursive: true });
    writeFileSync(join(left, 'deep/file'), Buffer.alloc(3_000_000, 7));
    symlinkSync('file', join(left, 'deep/link'));
    cpSync(left, right, { recursive: true, verbatimSymlinks: true });
  });

  it('finds nothing where nothing is', async () => expect(await firstDifference(left, right)).toBeNull());

  it.each<[string, () => void]>([
    ['a byte', () => writeFileSync(join(right, 'deep/file'), Buffer.alloc(3_000_000, 7).fill(8, 2_999_999))],
    ['a length', () => writeFileSync(join(right, 'deep/file'), Buffer.alloc(2_999_999, 7))],
    ['a name more', () => writeFileSync(join(right, 'deep/more'), '')],
    ['a name less', () => rmSync(join(right, 'deep/empty'), { recursive: true })],
    ['a mode', () => writeFileSync(join(left, 'deep/file2'), '', { mode: 0o600 })],
    [
      'a target',
      () => {
        rmSync(join(right, 'deep/link'));
        symlinkSync('other', join(right, 'deep/link'));
      },
    ],
  ])('finds %s', async (_what, change) => {
    change();
    expect(await firstDifference(left, right)).toContain(left);
  });
});

it('the forgery changes one byte, and with it a digit of the address block', () => {
  const log = new SampleLog();
  const [acme] = log.tenants as [string];
  const [bundle, copy] = [join(folder, 'bundle'), join(folder, 'copy')];
  const own = { ...log.body(acme, 9), after: { cidrBlock: '10.20.0.0/24' } };
  const entry = { id: own.id, seq: 9, body: Buffer.from(encodeBody(own)).toString('base64'), salt: '' };
  const text = `${JSON.stringify({ entry: null })}\n${JSON.stringify({ entry })}\n`;
  writeFileSync(bundle, text);
  expect(tamperCopy(bundle, copy)).toEqual({
    entryId: own.id,
    action: 'subnet.created',
    before: '10.20.0.0/24',
    after: '10.30.0.0/24',
  });
  const changed = readFileSync(copy, 'utf8');
  expect(changed).toHaveLength(text.length);
  expect([...changed].filter((character, at) => character !== text[at])).toHaveLength(1);
});

it('the example describes two companies that fit together', () => {
  const { tenants, operator } = readScenario(join(projectFolder(), 'deploy/examples/acme.yaml'), 'r1');
  expect(tenants).toHaveLength(2);
  expect(new Set(operator.storageNodes.map((node) => node.failureDomain)).size).toBeGreaterThanOrEqual(6);
  expect(JSON.stringify({ tenants, operator })).not.toContain('{run}');
  for (const vpc of tenants.flatMap((tenant) => tenant.vpcs)) {
    expect(vpc.cidrBlock).toBe('10.20.0.0/16');
    expect(new Set(vpc.subnets.map((subnet) => subnet.zone)).size).toBe(3);
    const tables = vpc.routeTables.map((table) => table.name);
    for (const subnet of vpc.subnets) expect(tables).toContain(subnet.routeTable);
    const gateways = (vpc.natGateways ?? []).map((gateway) => gateway.name);
    const used = vpc.routeTables.flatMap((table) => table.routes).flatMap(({ gateway }) => gateway ?? []);
    for (const gateway of used) expect(gateways).toContain(gateway);
  }
});

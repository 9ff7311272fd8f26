import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { nodeCrypto, verifyBundle } from '#proof';
import * as independent from './verify-bundle.mjs';

/**
 * verify-bundle.mjs was written from docs/formats and imports nothing of this project. It must come to the verdict of the
 * library on bundles of both versions, and on what is made of them by editing.
 */
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const bundles = ['bundle-v1', 'bundle-v2'].map((name) => {
  const { logVkey, viewKey, rootPublicKey, edits } = JSON.parse(readFileSync(here(`${name}.json`), 'utf8'));
  const pins = { vkey: logVkey, viewKey: Buffer.from(viewKey, 'hex').toString('base64'), rootKey: rootPublicKey };
  return { name, bytes: readFileSync(here(`${name}.jsonl`)), pins, edits };
});
type Pins = Partial<(typeof bundles)[number]['pins']>;

async function verdicts(
  bytes: Uint8Array,
  { vkey, viewKey, rootKey }: Pins,
): Promise<{ library: boolean; script: boolean }> {
  const { ok } = await verifyBundle([bytes], {
    crypto: nodeCrypto,
    log: vkey,
    viewKey: viewKey === undefined ? undefined : Buffer.from(viewKey, 'base64'),
    rootPublicKey: rootKey,
  });
  const script = await independent.verifyBundle(independent.linesOf([bytes]), { vkey, viewKey, rootKey }).then(
    () => true,
    () => false,
  );
  return { library: ok, script };
}

describe.each(bundles)('$name', ({ name, bytes, pins, edits }) => {
  it('is verified by the script, with and without what the tenant knows', async () => {
    for (const known of [pins, { vkey: pins.vkey }, {}]) {
      expect(await verdicts(bytes, known)).toEqual({ library: true, script: true });
    }
    const wrong = { vkey: pins.vkey.replace(/.$/, 'A'), viewKey: pins.rootKey, rootKey: pins.viewKey };
    for (const [pin, value] of Object.entries(wrong)) {
      expect([pin, await verdicts(bytes, { ...pins, [pin]: value })]).toEqual([pin, { library: false, script: false }]);
    }
  });

  it.each(edits as { why: string; line: number; find: string; replace: string }[])(
    'with $why changed is refused by both',
    async ({ line, find, replace }) => {
      const lines = bytes.toString('utf8').split('\n');
      lines[line - 1] = lines[line - 1]!.replace(find, replace);
      expect(await verdicts(Buffer.from(lines.join('\n')), pins)).toEqual({ library: false, script: false });
    },
  );

  it('with any byte, line or piece changed gets one verdict', async () => {
    const lines = bytes.toString('utf8').split('\n').slice(0, -1);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.nat(),
        fc.constantFrom('flip', 'drop', 'double', 'swap'),
        async (at, other, kind) => {
          let changed = [...lines];
          const place = at % lines.length;
          if (kind === 'drop') changed.splice(place, 1);
          if (kind === 'double') changed.splice(place, 0, lines[place]!);
          if (kind === 'swap')
            changed = changed.with(place, lines[other % lines.length]!).with(other % lines.length, lines[place]!);
          const forged = Buffer.from(`${changed.join('\n')}\n`);
          if (kind === 'flip') forged[other % forged.length]! ^= 1 << (at % 7);
          const { library, script } = await verdicts(forged, pins);
          expect(script).toBe(library);
          if (!forged.equals(bytes)) expect(library).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is verified from the command line, and refused with 6', async () => {
    const run = (...args: string[]) =>
      new Promise<{ code: number; out: string }>((resolve) => {
        execFile(process.execPath, [here('verify-bundle.mjs'), ...args], (error, out) => {
          resolve({ code: error ? Number(error.code) : 0, out });
        });
      });
    const given = ['--vkey', pins.vkey, '--view-key', pins.viewKey, '--root-key', pins.rootKey];
    const good = await run(here(`${name}.jsonl`), ...given);
    expect([good.code, JSON.parse(good.out)]).toMatchObject([0, { ok: true, complete: true }]);
    const folder = mkdtempSync(join(tmpdir(), 'freehold-independent-'));
    try {
      const forged = Buffer.from(bytes);
      forged[forged.length - 200]! ^= 1;
      writeFileSync(join(folder, 'forged.jsonl'), forged);
      const bad = await run(join(folder, 'forged.jsonl'), ...given);
      expect([bad.code, JSON.parse(bad.out)]).toMatchObject([6, { ok: false }]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

it('imports nothing but Node', () => {
  const imported = [
    ...readFileSync(here('verify-bundle.mjs'), 'utf8').matchAll(/\bfrom '([^']+)'|\bimport\('([^']+)'\)/g),
  ];
  expect(imported.length).toBeGreaterThan(2);
  expect(imported.filter(([, name, dynamic]) => !(name ?? dynamic)!.startsWith('node:'))).toEqual([]);
});

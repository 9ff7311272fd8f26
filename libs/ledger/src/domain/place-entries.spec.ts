import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { TreeAppender, TreeHasher, toHex } from '#merkle';
import { NO_PREVIOUS_LEAF, nodeCrypto } from '#proof';
import { type PendingEntry, Placement } from './place-entries.js';

const hasher = new TreeHasher(nodeCrypto.sha256);
const origin = 'freehold/sample';
const tenants = ['tnt-0000000000000000a', 'tnt-0000000000000000b', 'tnt-0000000000000000c'];
const viewKeys = new Map(tenants.map((id, at) => [id, Buffer.alloc(32, at + 1)]));
const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();

function entry(tenant: number, at: number): PendingEntry {
  const body = Buffer.from(`{"entry":${at}}`);
  return {
    tenantId: tenants[tenant]!,
    entryId: `led-${at}`,
    body,
    bodyHash: sha256(body),
    salt: sha256(Buffer.of(at)),
  };
}

function placement(): Placement {
  const placed = new Placement({ crypto: nodeCrypto, hasher, origin, viewKeys }, TreeAppender.empty(hasher));
  for (const tenant of tenants) placed.chains.set(tenant, { seq: 0, lastLeafHash: NO_PREVIOUS_LEAF });
  return placed;
}

/** Leaves by the formulas of docs/formats/ledger-leaf-v2.md, one after the other, with nothing but node:crypto. */
function leavesOf(entries: readonly PendingEntry[]): string[] {
  const chains = new Map<string, { seq: bigint; previous: Buffer }>();
  return entries.map(({ tenantId, salt, body }) => {
    const { seq, previous } = chains.get(tenantId) ?? { seq: 0n, previous: Buffer.alloc(32) };
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(seq + 1n);
    const tag = createHmac('sha256', viewKeys.get(tenantId)!).update(`freehold/tag/v1\n${origin}\n`).update(number);
    const commit = createHmac('sha256', salt).update(body).update(number).update(previous);
    const leaf = `{"commit":"${commit.digest('hex')}","origin":"${origin}","tag":"${tag.digest('hex')}","v":2}`;
    chains.set(tenantId, { seq: seq + 1n, previous: sha256(Buffer.of(0), Buffer.from(leaf)) });
    return leaf;
  });
}

describe('placing entries', () => {
  it('gives the leaves of the format, and the same tree and tiles in whatever chunks they come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(2), { minLength: 1, maxLength: 600 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 6 }),
        (owners, cuts) => {
          const entries = owners.map(entry);
          const chunked = placement();
          const placed = [];
          let at = 0;
          for (const cut of [...cuts, entries.length]) {
            const chunk = entries.slice(at, at + cut);
            if (chunk.length > 0) placed.push(...chunked.place(chunk));
            at += cut;
          }
          expect(placed.map(({ leaf }) => Buffer.from(leaf).toString())).toEqual(leavesOf(entries));
          expect(placed.map(({ leafIndex }) => leafIndex)).toEqual(entries.map((_, index) => index));
          const whole = placement();
          whole.place(entries);
          const tiles = (of: Placement) =>
            new Map(of.tiles.map((tile) => [`${tile.level}/${tile.index}`, toHex(tile.hashes)]));
          expect(tiles(chunked)).toEqual(tiles(whole));
          expect(toHex(chunked.appender.root())).toBe(toHex(whole.appender.root()));
          expect(chunked.chains).toEqual(whole.chains);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('stops at a body that is not the promised one, and at a tenant without a chain', () => {
    const wrong = { ...entry(0, 1), body: Buffer.from('{"entry":2}') };
    expect(() => placement().place([entry(0, 0), wrong])).toThrow('the stored body of led-1 is not the one');
    expect(() => placement().place([{ ...entry(0, 1), tenantId: 'tnt-0000000000000000d' }])).toThrow('has no chain');
  });
});

import { type ChainView, finalityOf } from './finality.js';

const chain: ChainView = { latest: async () => 100n, finalized: async () => 68n };

describe('finalityOf', () => {
  it.each([
    [{ kind: 'dev' } as const, 'dev', false, 100n],
    [{ kind: 'qbft' } as const, 'qbft', true, 100n],
    [{ kind: 'finalized' } as const, 'finalized', true, 68n],
    [{ kind: 'depth', blocks: 1 } as const, 'depth:1', true, 100n],
    [{ kind: 'depth', blocks: 12 } as const, 'depth:12', true, 89n],
  ])('%j', async (choice, label, independentTrust, through) => {
    const finality = finalityOf(choice);
    expect(finality).toMatchObject({ label, independentTrust });
    expect(await finality.finalThrough(chain)).toBe(through);
  });
});

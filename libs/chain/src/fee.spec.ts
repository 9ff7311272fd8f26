import fc from 'fast-check';
import { type Fee, replacementFee } from './fee.js';

const market = (maxFeePerGas: bigint, maxPriorityFeePerGas: bigint): Fee => ({
  kind: 'market',
  maxFeePerGas,
  maxPriorityFeePerGas,
});

describe('replacementFee', () => {
  it('raises both parts by more than a tenth and follows a market that rose further', () => {
    const amount = fc.bigInt(0n, 10n ** 15n);
    fc.assert(
      fc.property(amount, amount, amount, amount, (max, tip, nowMax, nowTip) => {
        const fee = replacementFee(market(max, tip), market(nowMax, nowTip));
        if (fee.kind !== 'market') throw new Error('the kind changed');
        // Nodes compare in whole percents: the new one must reach 110 of the old one's 100.
        expect(fee.maxFeePerGas * 100n).toBeGreaterThan(max * 110n);
        expect(fee.maxPriorityFeePerGas * 100n).toBeGreaterThan(tip * 110n);
        expect(fee.maxFeePerGas).toBeGreaterThanOrEqual(nowMax);
        expect(fee.maxPriorityFeePerGas).toBeGreaterThanOrEqual(nowTip);
      }),
    );
  });

  it('leaves a fixed fee as it is: the same bytes are sent again', () => {
    const fixed: Fee = { kind: 'fixed', gasPrice: 7n };
    expect(replacementFee(fixed, { kind: 'fixed', gasPrice: 9n })).toBe(fixed);
  });
});

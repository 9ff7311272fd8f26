/** What a transaction offers per unit of gas, in wei. */
export type Fee =
  | { kind: 'fixed'; gasPrice: bigint }
  | { kind: 'market'; maxFeePerGas: bigint; maxPriorityFeePerGas: bigint };

/**
 * The fee for a transaction that takes the place of one with the same nonce. Nodes want both parts raised by a tenth; an
 * eighth leaves room for rounding. Never below what the market asks now. A fixed fee stays: there is nothing to outbid.
 */
export function replacementFee(previous: Fee, suggested: Fee): Fee {
  if (previous.kind === 'fixed' || suggested.kind === 'fixed') return previous;
  return {
    kind: 'market',
    maxFeePerGas: larger(raised(previous.maxFeePerGas), suggested.maxFeePerGas),
    maxPriorityFeePerGas: larger(raised(previous.maxPriorityFeePerGas), suggested.maxPriorityFeePerGas),
  };
}

function raised(amount: bigint): bigint {
  return (amount * 9n + 7n) / 8n + 1n;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** Where the chain stands, as far as finality needs it. */
export interface ChainView {
  latest(): Promise<bigint>;
  /** The newest block the chain itself calls final. */
  finalized(): Promise<bigint>;
}

/** How an anchor's finality is decided on a kind of chain, and what it is worth. */
export interface Finality {
  /** Names the rule in receipts. */
  label: string;
  /** Whether anybody but the operator would have to take part in rewriting the chain. */
  independentTrust: boolean;
  /** The highest block number that will not change any more. */
  finalThrough(chain: ChainView): Promise<bigint>;
}

/** The choice of a deployment; the same shape as the setting. */
export type FinalityChoice =
  | { kind: 'dev' }
  | { kind: 'qbft' }
  | { kind: 'finalized' }
  | { kind: 'depth'; blocks: number };

/** The rule for a kind of chain. A depth of n means: its own block and n - 1 more. */
export function finalityOf(choice: FinalityChoice): Finality {
  switch (choice.kind) {
    case 'dev':
      return { label: 'dev', independentTrust: false, finalThrough: (chain) => chain.latest() };
    case 'qbft':
      return { label: 'qbft', independentTrust: true, finalThrough: (chain) => chain.latest() };
    case 'finalized':
      return { label: 'finalized', independentTrust: true, finalThrough: (chain) => chain.finalized() };
    case 'depth':
      return {
        label: `depth:${choice.blocks}`,
        independentTrust: true,
        finalThrough: async (chain) => (await chain.latest()) - BigInt(choice.blocks) + 1n,
      };
  }
}

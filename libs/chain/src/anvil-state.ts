import { gunzipSync } from 'node:zlib';

/** The parts of anvil's state dump that are read here; the rest is carried along. */
interface AnvilState {
  best_block_number: number;
  blocks: { header: { number: string } }[];
  transactions: { block_number: number | string; block_hash?: string }[];
  historical_states: unknown;
}

/** Old blocks and transactions are what anvil's memory grows by; the recent ones keep receipts readable. */
export const BLOCKS_KEPT = 64n;

/** A snapshot that anvil can be started from. */
export interface AnvilSnapshot {
  blockNumber: bigint;
  /** The content of a `--load-state` file. */
  json: string;
}

/**
 * Makes a small snapshot of the answer to `anvil_dumpState` (hex of gzipped JSON): all accounts, the genesis, the last
 * blocks and their transactions. Anvil loads it in tens of milliseconds and goes on with the same head.
 */
export function compactState(dump: string): AnvilSnapshot {
  const state = JSON.parse(gunzipSync(Buffer.from(dump.slice(2), 'hex')).toString('utf8')) as AnvilState;
  const best = BigInt(state.best_block_number);
  const isKept = (number: bigint) => number === 0n || number > best - BLOCKS_KEPT;
  const compact: AnvilState = {
    ...state,
    blocks: state.blocks.filter(({ header }) => isKept(BigInt(header.number))),
    transactions: state.transactions.filter((transaction) => isKept(BigInt(transaction.block_number))),
    historical_states: null,
  };
  return { blockNumber: best, json: JSON.stringify(compact) };
}

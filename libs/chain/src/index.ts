export {
  AnchorChain,
  type AnchorChainOptions,
  type AnchoredLog,
  type Block,
  type ChainDescription,
  type FoundAnchor,
  type MinedTransaction,
} from './anchor-chain.js';
export { AnvilStartError } from './anvil-process.js';
export { ChainUnavailableError, TransactionRefusedError } from './chain.errors.js';
export { ChainKey, type SignedTransaction, type UnsignedTransaction } from './chain-key.js';
export { DEV_CHAIN_ID, DevChain, type DevChainOptions } from './dev-chain.js';
export { type Fee, replacementFee } from './fee.js';
export { type Finality, type FinalityChoice, finalityOf } from './finality.js';
export * from './registry-calls.js';
export {
  type AnchorLink,
  type AnchorPromiseTerms,
  anchorLinkHash,
  ascending,
  type Hex,
  type LinkSignature,
  NO_LINK,
  type Registry,
  type SignerSetLink,
  signerSetLinkHash,
} from './registry-links.js';
export { PROOF_REFUSALS, type ProofRefusal, type SlotProof } from './slot-proof.js';

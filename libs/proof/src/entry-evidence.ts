import { FormatError } from '#merkle';
import { membersOf } from './ledger-body.js';
import { parseSigningKeyLink, type SigningKeyLink } from './signing-key-link.js';

/** The signed request behind an entry, as documents carry it: both in base64. */
export interface StoredEvidence {
  /** The bytes of the evidence document. */
  document: string;
  /** 32 bytes, of its commitment in the body. */
  salt: string;
}

/** With the enrolments from the tenant's root key to the key that signed. */
export interface ChainedEvidence extends StoredEvidence {
  chain: SigningKeyLink[];
}

/** The form alone. @throws FormatError */
export function parseStoredEvidence(value: unknown): StoredEvidence | null {
  if (value === null) return null;
  const evidence = membersOf(value, 'evidence', ['document', 'salt']);
  if (typeof evidence.document !== 'string' || typeof evidence.salt !== 'string') {
    throw new FormatError('the evidence is not as its form demands');
  }
  return evidence as unknown as StoredEvidence;
}

/** The form alone. @throws FormatError */
export function parseChainedEvidence(value: unknown): ChainedEvidence | null {
  if (value === null) return null;
  const { chain, ...stored } = membersOf(value, 'evidence', ['document', 'salt', 'chain']);
  parseStoredEvidence(stored);
  if (!Array.isArray(chain) || chain.length > MAX_CHAIN) throw new FormatError('the chain of keys is not a short list');
  chain.forEach(parseSigningKeyLink);
  return value as ChainedEvidence;
}

const MAX_CHAIN = 256;

import { FormatError } from '#merkle';
import { isNatural, membersOf } from './ledger-body.js';

/** How a log came to a further key: the old key signed it in, and an entry of the system chain says from which index on. */
export interface LogKeyLink {
  /** The new key (signed-note vkey). */
  vkey: string;
  /** A signed note by the key before it. */
  endorsement: string;
  /** Of the leaf of the entry `log-key.rotated`: the new key signs checkpoints of more leaves than that. */
  index: number;
  /** Opens that leaf. Base64, but for `prevHash`, which is hexadecimal. */
  opening: { entryId: string; body: string; salt: string; tenantSeq: number; prevHash: string; leaf: string };
  /** Its inclusion in the document's checkpoint: base64 hashes. */
  proof: string[];
}

/** The form alone; says nothing of whether the key holds. @throws FormatError */
export function parseLogKeyLink(value: unknown): LogKeyLink {
  const link = membersOf(value, 'log key', ['vkey', 'endorsement', 'index', 'opening', 'proof']);
  const opening = membersOf(link.opening, 'opening', ['entryId', 'body', 'salt', 'tenantSeq', 'prevHash', 'leaf']);
  const { tenantSeq, ...texts } = opening;
  const sound =
    [link.vkey, link.endorsement, ...Object.values(texts)].every((text) => typeof text === 'string') &&
    isNatural(link.index) &&
    isNatural(tenantSeq) &&
    Array.isArray(link.proof) &&
    link.proof.every((hash) => typeof hash === 'string');
  if (!sound) throw new FormatError('a log key is not as its form demands');
  return link as unknown as LogKeyLink;
}

import {
  COSIGNATURE_V1,
  equalBytes,
  FormatError,
  formatVkey,
  type NoteKey,
  parseVkey,
  verifyKnownSignatures,
} from '#merkle';
import type { ProofCrypto } from './proof-crypto.js';

/** Whose cosignatures count (c2sp.org/tlog-cosignature), and how many a checkpoint must have to be taken as witnessed. */
export interface WitnessPolicy {
  /** Keys of type 0x04, no two of one party. */
  witnesses: readonly NoteKey[];
  threshold: number;
}

export interface WitnessCount {
  /** Witnesses of the policy that cosigned, each once. */
  count: number;
  /** Whether that is as many as the policy asks for. */
  met: boolean;
  /** Their names, in the policy's order. */
  names: string[];
  /** When each of them cosigned, in Unix seconds, in the same order. */
  times: number[];
}

const MAX_WITNESSES = 128;

/**
 * The policy of these verifier keys. One key under two names would be one party that counts twice, so it is refused.
 * @throws FormatError
 */
export function witnessPolicy(
  crypto: Pick<ProofCrypto, 'sha256'>,
  vkeys: readonly string[],
  threshold: number,
): WitnessPolicy {
  const witnesses = vkeys.map((vkey) => parseVkey(crypto.sha256, vkey));
  if (witnesses.length > MAX_WITNESSES) throw new FormatError(`there are more than ${MAX_WITNESSES} witnesses`);
  for (const [at, { name, type, publicKey }] of witnesses.entries()) {
    if (type !== COSIGNATURE_V1) throw new FormatError(`${name} is the key of a log, not that of a witness (type 4)`);
    const before = witnesses.slice(0, at);
    if (before.some((other) => other.name === name || equalBytes(other.publicKey, publicKey))) {
      throw new FormatError(`the witness ${name} is there twice`);
    }
  }
  if (!Number.isSafeInteger(threshold) || threshold < 0 || threshold > witnesses.length) {
    throw new FormatError(`${threshold} of ${witnesses.length} witnesses cannot be asked for`);
  }
  return { witnesses, threshold };
}

/**
 * Who of the policy's witnesses cosigned the checkpoint. Signatures of other keys say nothing and are ignored. The log's own
 * signature is not looked at: verify the note with the log's key as well.
 * @throws FormatError when the note is malformed, NoteSignatureError when a known witness's signature is wrong
 */
export async function countWitnesses(
  crypto: Pick<ProofCrypto, 'ed25519Verify'>,
  checkpointNote: string,
  policy: WitnessPolicy,
): Promise<WitnessCount> {
  const { signedBy } = await verifyKnownSignatures(checkpointNote, policy.witnesses, crypto.ed25519Verify);
  const cosigned = policy.witnesses.flatMap((witness) => {
    const found = signedBy.find(({ key }) => equalBytes(key.publicKey, witness.publicKey));
    return found ? [{ name: witness.name, time: found.time! }] : [];
  });
  return {
    count: cosigned.length,
    met: cosigned.length >= policy.threshold,
    names: cosigned.map(({ name }) => name),
    times: cosigned.map(({ time }) => time),
  };
}

/** The count in words for a report: `2 of 3 witnesses (2 required): a at 2026-..., b at 2026-...`. */
export function formatWitnesses({ count, names, times }: WitnessCount, policy: WitnessPolicy): string {
  const who = names.map((name, at) => `${name} at ${timeText(times[at]!)}`).join(', ');
  return `${count} of ${policy.witnesses.length} witnesses (${policy.threshold} required)${who && `: ${who}`}`;
}

/** What a policy is known by: its keys and its threshold. */
export function formatPolicy({ witnesses, threshold }: WitnessPolicy): { witnesses: string[]; threshold: number } {
  return { witnesses: witnesses.map(formatVkey), threshold };
}

/** A time that a hostile witness has put beyond what a calendar holds is shown as the number it is. */
function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} s after 1970` : date.toISOString();
}

import { FormatError } from '#merkle';
import type { EvidenceFacts } from './evidence.js';
import type { LedgerBody } from './ledger-body.js';

interface Use {
  evidence: string;
  requestId: string;
  /** By their actions, the entries that it made: one of what was asked for, and one of each that came with it. */
  made: Map<string, string>;
}

/**
 * Whether each signed request of one tenant's chain made its change once. A service that shows one signature twice, in a
 * second entry or with a second salt, is found by the nonce. Give it the signed entries of a chain in their order.
 */
export class SignedRequestUse {
  private readonly uses = new Map<string, Use>();

  /** @throws FormatError naming the entry in which the request was used before */
  note(facts: Pick<EvidenceFacts, 'keyId' | 'nonce'>, body: LedgerBody): void {
    if (body.vouched.mode !== 'signed') throw new FormatError('nobody signed this entry');
    const name = `${facts.keyId} ${facts.nonce}`;
    const { evidence } = body.vouched;
    const use = this.uses.get(name) ?? { evidence, requestId: body.requestId, made: new Map() };
    if (use.evidence !== evidence || use.requestId !== body.requestId) {
      throw new FormatError(
        `the nonce ${facts.nonce} of ${facts.keyId} was used by the request ${use.requestId} before`,
      );
    }
    const made = use.made.get(body.action);
    if (made !== undefined) throw new FormatError(`the request was carried out by ${made} before`);
    use.made.set(body.action, body.id);
    this.uses.set(name, use);
  }
}

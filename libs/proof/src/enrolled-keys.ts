import { FormatError, fromBase64 } from '#merkle';
import type { JsonObject, LedgerBody } from './ledger-body.js';
import type { ProofCrypto } from './proof-crypto.js';
import { parseSigningKeyLink, ROOT_KEY, type SigningKeyLink, verifySigningKeyLink } from './signing-key-link.js';

/**
 * The signing keys of one tenant as its chain enrolled and revoked them, each enrolled by one that was there before, the first
 * by the root key that the chain's first entry pins. The operator's own chain pins none: its first key stands for itself.
 */
export class EnrolledKeys {
  private readonly links = new Map<string, SigningKeyLink>();
  private readonly revoked = new Set<string>();
  private rootPublicKey: string | null = null;

  constructor(
    private readonly crypto: ProofCrypto,
    private readonly scope: { origin: string; tenant: string },
  ) {}

  /** The first entry of the chain. */
  begin(genesis: LedgerBody): void {
    const { rootPublicKey } = (genesis.after ?? {}) as { rootPublicKey?: unknown };
    if (typeof rootPublicKey === 'string') this.rootPublicKey = rootPublicKey;
  }

  static isEnrolment({ action, resource }: LedgerBody): boolean {
    return action === 'signing-key.enrolled' && resource.type === 'signing-key';
  }

  /**
   * An entry that enrols a key. With gaps in the chain, one whose enrolling key is not known is left out, and then nothing that
   * it signs is taken for signed. @throws FormatError when no key of the tenant signed it in
   */
  async enrol(body: LedgerBody, { gaps }: { gaps: boolean }): Promise<void> {
    const { userId, publicKey, enrolledBy, signature, possession } = (body.after ?? {}) as JsonObject;
    const keyId = body.resource.id;
    const link = parseSigningKeyLink({ keyId, userId, publicKey, enrolledBy, signature, possession });
    if (this.links.has(keyId)) throw new FormatError(`the key ${keyId} is enrolled twice`);
    const enrolling = link.enrolledBy === ROOT_KEY ? this.root(link) : this.links.get(link.enrolledBy)?.publicKey;
    if (enrolling === undefined && gaps) return;
    if (enrolling === undefined)
      throw new FormatError(`${keyId} was enrolled by ${link.enrolledBy}, which is no key of it`);
    await verifySigningKeyLink(this.crypto, this.scope, link, fromBase64(enrolling));
    this.links.set(keyId, link);
  }

  /** A chain whose first entry pins no root key (the operator's) has its first key as its root, which signs for itself. */
  private root({ publicKey }: SigningKeyLink): string | undefined {
    if (this.rootPublicKey !== null) return this.rootPublicKey;
    return this.links.size === 0 ? publicKey : undefined;
  }

  /** An entry that is about a key, or any other. */
  noteRevocation({ action, resource }: LedgerBody): void {
    if (action === 'signing-key.revoked' && resource.type === 'signing-key') this.revoked.add(resource.id);
  }

  isRevoked(keyId: string): boolean {
    return this.revoked.has(keyId);
  }

  /** Null when no entry enrolled it. */
  find(keyId: string): SigningKeyLink | null {
    return this.links.get(keyId) ?? null;
  }
}

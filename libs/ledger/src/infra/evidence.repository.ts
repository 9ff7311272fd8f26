import { Injectable } from '@nestjs/common';
import { type DeferredStatement, postgresErrorOf, type Tx } from '#database';
import type { RequestSignature, TenantId } from '#kernel';
import { fromHex } from '#merkle';
import { type ChainedEvidence, ROOT_KEY, type SigningKeyLink, type StoredEvidence, type Vouching } from '#proof';
import { SigningKeyRevokedError } from '../domain/signature-policy.js';

interface EvidenceRow {
  commitment: string;
  document: Buffer;
  salt: Buffer;
}

interface LinkRow {
  used: string;
  id: string;
  user_id: string;
  public_key: Buffer;
  enrolled_by: string | null;
  signature: Buffer;
  possession: Buffer;
}

const NOT_NULL_VIOLATION = '23502';

/** The evidence of signed requests: written with the entries that hold its commitment, and kept apart from them. */
@Injectable()
export class EvidenceRepository {
  /**
   * Stores the evidence of a request of the tenant's. A key that was revoked since the signature was checked gives nothing to
   * store, unless this very transaction revokes it. Translates to SigningKeyRevokedError.
   */
  insertion(tenantId: TenantId, { keyId, evidence }: RequestSignature): DeferredStatement {
    return {
      tenantId,
      sql: `INSERT INTO request_evidence (tenant_id, commitment, signing_key_id, document, salt)
            VALUES ($1, $2, (SELECT id FROM signing_key WHERE tenant_id = $1 AND id = $3
                                AND (revoked_at IS NULL OR xmin = pg_current_xact_id()::xid)), $4, $5)`,
      params: [
        tenantId,
        Buffer.from(evidence.commitment, 'hex'),
        keyId,
        Buffer.from(evidence.document),
        Buffer.from(evidence.salt),
      ],
      translate: (error) =>
        postgresErrorOf(error)?.code === NOT_NULL_VIOLATION ? new SigningKeyRevokedError(keyId) : error,
    };
  }

  /** What is kept of the signed requests behind entries of the transaction's tenant, by commitment. Erased, it is not there. */
  async stored(tx: Tx, vouchings: readonly Vouching[]): Promise<Map<string, StoredEvidence>> {
    const commitments = vouchings.flatMap((vouched) => (vouched.mode === 'signed' ? [vouched.evidence] : []));
    if (commitments.length === 0) return new Map();
    const rows = await tx.query<EvidenceRow>(
      `SELECT encode(commitment, 'hex') AS commitment, document, salt FROM request_evidence
        WHERE tenant_id = $1 AND commitment = ANY ($2::bytea[]) AND document IS NOT NULL`,
      [tx.ctx?.tenantId, [...new Set(commitments)].map((commitment) => Buffer.from(commitment, 'hex'))],
    );
    return new Map(
      rows.map(({ commitment, document, salt }) => [
        commitment,
        { document: document.toString('base64'), salt: salt.toString('base64') },
      ]),
    );
  }

  /** As `stored`, each with the enrolments from the root to the key that signed. */
  async withChains(tx: Tx, vouchings: readonly Vouching[]): Promise<Map<string, ChainedEvidence>> {
    const stored = await this.stored(tx, vouchings);
    if (stored.size === 0) return new Map();
    const keyIds = vouchings.flatMap((vouched) => (vouched.mode === 'signed' ? [vouched.keyId] : []));
    const chains = await this.chains(tx, [...new Set(keyIds)]);
    const chained = vouchings.flatMap((vouched): [string, ChainedEvidence][] => {
      const evidence = vouched.mode === 'signed' ? stored.get(vouched.evidence) : undefined;
      if (vouched.mode !== 'signed' || !evidence) return [];
      return [[vouched.evidence, { ...evidence, chain: chains.get(vouched.keyId) ?? [] }]];
    });
    return new Map(chained);
  }

  /**
   * Erases the evidence of a request: nothing but its commitment is left, which opens for nobody without the salt.
   * @returns whether there was any
   */
  async erase(tx: Tx, tenantId: TenantId, commitment: string): Promise<boolean> {
    const erased = await tx.execute(
      `UPDATE request_evidence SET document = NULL, salt = NULL
        WHERE tenant_id = $1 AND commitment = $2 AND document IS NOT NULL`,
      [tenantId, Buffer.from(fromHex(commitment))],
    );
    return erased > 0;
  }

  private async chains(tx: Tx, keyIds: readonly string[]): Promise<Map<string, SigningKeyLink[]>> {
    const rows = await tx.query<LinkRow>(
      `WITH RECURSIVE chain AS (
         SELECT k.*, k.id AS used, 0 AS distance FROM signing_key k WHERE k.tenant_id = $1 AND k.id = ANY ($2)
         UNION ALL
         SELECT k.*, chain.used, chain.distance + 1
           FROM chain JOIN signing_key k ON k.tenant_id = chain.tenant_id AND k.id = chain.enrolled_by
       )
       SELECT used, id, user_id, public_key, enrolled_by, signature, possession FROM chain ORDER BY used, distance DESC`,
      [tx.ctx?.tenantId, keyIds],
    );
    const chains = new Map<string, SigningKeyLink[]>(keyIds.map((id) => [id, []]));
    for (const row of rows) chains.get(row.used)?.push(linkOf(row));
    return chains;
  }
}

function linkOf(row: LinkRow): SigningKeyLink {
  return {
    keyId: row.id,
    userId: row.user_id,
    publicKey: row.public_key.toString('base64'),
    enrolledBy: row.enrolled_by ?? ROOT_KEY,
    signature: row.signature.toString('base64'),
    possession: row.possession.toString('base64'),
  };
}

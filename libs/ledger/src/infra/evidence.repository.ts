import { Injectable } from '@nestjs/common';
import { type DeferredStatement, postgresErrorOf, type Tx } from '#database';
import type { RequestSignature, TenantId } from '#kernel';
import { fromHex } from '#merkle';
import { type ChainedEvidence, type LedgerBody, ROOT_KEY, type SigningKeyLink } from '#proof';
import { SigningKeyRevokedError } from '../domain/signature-policy.js';

interface EvidenceRow {
  commitment: string;
  document: Buffer;
  salt: Buffer;
  signer_tenant_id: string;
  signing_key_id: string;
}

interface LinkRow {
  signer_tenant_id: string;
  used_key_id: string;
  key_id: string;
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
   * Stores the evidence of a request for one chain that it writes to. A key that was revoked since the signature was checked
   * gives nothing to store, unless this very transaction revokes it. Translates to SigningKeyRevokedError.
   */
  insertion(tenantId: TenantId, signer: TenantId, { keyId, evidence }: RequestSignature): DeferredStatement {
    const key =
      tenantId === signer
        ? `(SELECT id FROM signing_key WHERE tenant_id = $1 AND id = $4
              AND (revoked_at IS NULL OR xmin = pg_current_xact_id()::xid))`
        : '$4';
    return {
      tenantId,
      sql: `INSERT INTO request_evidence (tenant_id, commitment, signer_tenant_id, signing_key_id, document, salt)
            VALUES ($1, $2, $3, ${key}, $5, $6)`,
      params: [
        tenantId,
        Buffer.from(evidence.commitment, 'hex'),
        signer,
        keyId,
        Buffer.from(evidence.document),
        Buffer.from(evidence.salt),
      ],
      translate: (error) =>
        postgresErrorOf(error)?.code === NOT_NULL_VIOLATION ? new SigningKeyRevokedError(keyId) : error,
    };
  }

  /**
   * What is kept of the signed requests behind entries of the transaction's own tenant, by commitment, each with the
   * enrolments from the root to its key. Erased evidence is not there.
   */
  async ofBodies(tx: Tx, bodies: readonly Pick<LedgerBody, 'vouched'>[]): Promise<Map<string, ChainedEvidence>> {
    const commitments = bodies.flatMap(({ vouched }) => (vouched.mode === 'signed' ? [vouched.evidence] : []));
    if (commitments.length === 0) return new Map();
    const rows = await tx.query<EvidenceRow>(
      `SELECT encode(commitment, 'hex') AS commitment, document, salt, signer_tenant_id, signing_key_id
         FROM request_evidence WHERE tenant_id = $1 AND commitment = ANY ($2::bytea[]) AND document IS NOT NULL`,
      [tx.ctx?.tenantId, [...new Set(commitments)].map((commitment) => Buffer.from(fromHex(commitment)))],
    );
    const chains = await this.chains(tx, rows);
    return new Map(
      rows.map(({ commitment, document, salt, signer_tenant_id, signing_key_id }) => [
        commitment,
        {
          document: document.toString('base64'),
          salt: salt.toString('base64'),
          chain: chains.get(`${signer_tenant_id} ${signing_key_id}`) ?? [],
        },
      ]),
    );
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

  private async chains(tx: Tx, rows: readonly EvidenceRow[]): Promise<Map<string, SigningKeyLink[]>> {
    const keys = new Map(rows.map((row) => [`${row.signer_tenant_id} ${row.signing_key_id}`, row]));
    const chains = new Map<string, SigningKeyLink[]>();
    if (keys.size === 0) return chains;
    const used = [...keys.values()];
    const links = await tx.query<LinkRow>('SELECT * FROM crosstenant.signing_key_chains($1, $2)', [
      used.map((row) => row.signer_tenant_id),
      used.map((row) => row.signing_key_id),
    ]);
    for (const link of links) {
      const name = `${link.signer_tenant_id} ${link.used_key_id}`;
      chains.set(name, [...(chains.get(name) ?? []), linkOf(link)]);
    }
    return chains;
  }
}

function linkOf(row: LinkRow): SigningKeyLink {
  return {
    keyId: row.key_id,
    userId: row.user_id,
    publicKey: row.public_key.toString('base64'),
    enrolledBy: row.enrolled_by ?? ROOT_KEY,
    signature: row.signature.toString('base64'),
    possession: row.possession.toString('base64'),
  };
}

import { ROOT_KEY } from '#proof';
import type { SignaturePolicyEntity } from '../infra/signature-policy.entity.js';
import type { SigningKeyEntity } from '../infra/signing-key.entity.js';

export const signingKeyView = (key: SigningKeyEntity) => ({
  id: key.id,
  userId: key.userId,
  name: key.name,
  publicKey: key.publicKey.toString('base64'),
  enrolledBy: key.enrolledBy ?? ROOT_KEY,
  signature: key.signature.toString('base64'),
  possession: key.possession.toString('base64'),
  state: key.revokedAt ? ('revoked' as const) : ('active' as const),
  revokedAt: key.revokedAt?.toISOString() ?? null,
  version: key.version,
  createdAt: key.createdAt.toISOString(),
});

export const signaturePolicyView = ({ required, actions, version }: SignaturePolicyEntity) => ({
  mode: required ? ('required' as const) : ('optional' as const),
  actions,
  version,
});

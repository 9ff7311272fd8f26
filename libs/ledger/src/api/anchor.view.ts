import type { OpenAnchor } from '../infra/stored-anchor-directory.js';

export function anchorView({ createdAt, sentAt, finalAt, ...anchor }: OpenAnchor) {
  return {
    ...anchor,
    createdAt: createdAt.toISOString(),
    sentAt: sentAt?.toISOString() ?? null,
    finalAt: finalAt?.toISOString() ?? null,
  };
}

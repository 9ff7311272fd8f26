import { Injectable } from '@nestjs/common';
import type { TenantId, WebhookId } from '#kernel';
import { Keyring } from '#keyring';
import { newWebhookSecret } from '../domain/webhook-secret.js';
import type { WebhookEntity } from '../infra/webhook.entity.js';

/** A secret as its tenant sees it once, and as it is stored. */
export interface NewSecret {
  secret: string;
  sealed: Buffer;
}

/** The secrets of webhooks: made here, shown in the reply that made them, stored sealed, opened to sign and for nothing else. */
@Injectable()
export class WebhookSecrets {
  constructor(private readonly keyring: Keyring) {}

  /** @throws KekUnavailableError */
  async draw(tenantId: TenantId, id: WebhookId, version: number): Promise<NewSecret> {
    const secret = newWebhookSecret();
    const sealed = await this.keyring.seal(Buffer.from(secret), purpose(tenantId, id, version));
    return { secret, sealed: Buffer.from(sealed) };
  }

  /** Those that are good at that time, the newest first. @throws KekUnavailableError, SealBrokenError */
  async good(webhook: WebhookEntity, now: Date): Promise<string[]> {
    const { sealedSecret, secretVersion, previousSealedSecret, previousValidUntil } = webhook;
    const secrets = [await this.open(webhook, sealedSecret, secretVersion)];
    if (previousSealedSecret && previousValidUntil && previousValidUntil > now) {
      secrets.push(await this.open(webhook, previousSealedSecret, secretVersion - 1));
    }
    return secrets;
  }

  private async open({ tenantId, id }: WebhookEntity, sealed: Uint8Array, version: number): Promise<string> {
    return Buffer.from(await this.keyring.open(sealed, purpose(tenantId, id, version))).toString('utf8');
  }
}

/** Binds a sealed secret to its row: it opens for no other tenant, webhook or version. */
function purpose(tenantId: TenantId, id: WebhookId, version: number): Uint8Array {
  return Buffer.from(`freehold/webhook-secret/v1\n${tenantId}\n${id}\n${version}\n`);
}

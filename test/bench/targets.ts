import { randomBytes } from 'node:crypto';
import { RequestSigner, RootKey } from '../support/request-signer.js';
import type { BenchClient } from './http-client.js';
import type { Target } from './raw-transactions.js';

/** A VPC with the API key of its tenant's owner, and the signing key of the same user. */
export interface OwnedTarget extends Target {
  apiKey: string;
  signer: RequestSigner;
}

const TENANTS = 8;
const VPCS_PER_TENANT = 8;

/** The body of a request for subnet number `n` of a VPC. */
export function subnetOf({ vpcId }: Target, n: number) {
  return { vpcId, cidrBlock: `10.0.${n >> 4}.${(n & 15) * 16}/28`, zone: 'zone-1' };
}

/** 64 VPCs of 8 tenants, without quotas in the way. */
export async function prepareTargets(client: BenchClient, operatorKey: string): Promise<OwnedTarget[]> {
  const targets: OwnedTarget[] = [];
  for (let tenant = 0; tenant < TENANTS; tenant += 1) {
    const rootKey = new RootKey();
    const signer = new RequestSigner();
    const created = await client.change(operatorKey, 'POST', '/v1/system/tenants', {
      name: `bench ${tenant}`,
      rootPublicKey: rootKey.publicKey,
      viewKey: randomBytes(32).toString('base64'),
    });
    const { statement } = await client.get('/v1/signing-keys/enrolment', created.ownerApiKey);
    const enrolment = signer.enrolmentOf(statement, rootKey);
    await client.change(created.ownerApiKey, 'POST', '/v1/signing-keys', enrolment);
    for (const [quota, allowed] of [
      ['vpcs', 100],
      ['subnets-per-vpc', 100_000],
    ] as const) {
      await client.change(operatorKey, 'PUT', `/v1/system/tenants/${created.id}/quotas/${quota}`, { allowed });
    }
    for (let vpc = 0; vpc < VPCS_PER_TENANT; vpc += 1) {
      const { id } = await client.change(created.ownerApiKey, 'POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
      targets.push({ tenantId: created.id, vpcId: id, apiKey: created.ownerApiKey, signer });
    }
  }
  return targets;
}

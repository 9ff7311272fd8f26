import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { cpus } from 'node:os';
import { promisify } from 'node:util';
import { type BenchStack, startBenchStack } from './api-process.js';
import { BenchClient, load, type PreparedChange } from './http-client.js';
import { type OwnedTarget, prepareTargets, subnetOf } from './targets.js';

export interface SignedChangesFigures {
  /** POST subnet with an HTTP Message Signature: verified, replay refused, evidence kept; else as `changesPerSecond`. */
  signedChangesPerSecond: number;
  signedChangesP50Ms: number;
  signedChangesP99Ms: number;
  /** The physical limit: Ed25519 verifications by OpenSSL on all cores, and nothing else. */
  ed25519VerifiesPerSecond: number;
}

const CLIENTS = 16;
const SECONDS = 8;
const WARM_UP_SECONDS = 3;
/** More than can be sent in that time. */
const PREPARED_PER_CLIENT = 1_200;

/** Requests are signed before the time is taken: the processor that signs is the caller's, and not the one measured. */
export async function signedChanges(
  { apiUrl }: BenchStack,
  targets: readonly OwnedTarget[],
): Promise<SignedChangesFigures> {
  const client = new BenchClient(apiUrl);
  try {
    const prepared = prepareAll(client, targets);
    const send = (one: number) => {
      const next = prepared[one]?.pop();
      if (!next) throw new Error('more signed changes than were prepared');
      return client.sendPrepared(next);
    };
    await load(CLIENTS, WARM_UP_SECONDS, send);
    const signed = await load(CLIENTS, SECONDS, send);
    return {
      signedChangesPerSecond: signed.perSecond,
      signedChangesP50Ms: signed.p50,
      signedChangesP99Ms: signed.p99,
      ed25519VerifiesPerSecond: await verifiesPerSecond(),
    };
  } finally {
    client.close();
  }
}

function prepareAll(client: BenchClient, targets: readonly OwnedTarget[]): PreparedChange[][] {
  const blocks = new Map<string, number>();
  return Array.from({ length: CLIENTS }, (_none, one) =>
    Array.from({ length: PREPARED_PER_CLIENT }, (_nothing, turn) => {
      const target = targets[(one + turn * CLIENTS) % targets.length] as OwnedTarget;
      const n = blocks.get(target.vpcId) ?? 0;
      blocks.set(target.vpcId, n + 1);
      return client.prepare(target, '/v1/subnets', subnetOf(target, n));
    }),
  );
}

/** On the thread pool, as the API verifies: one thread a core and a little more. */
async function verifiesPerSecond(): Promise<number> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = createPublicKey(publicKey.export({ format: 'pem', type: 'spki' }));
  const message = Buffer.alloc(500, 1);
  const signature = sign(null, message, privateKey);
  const verified = promisify(verify);
  const { perSecond } = await load(cpus().length * 2, 2, async () => {
    if (!(await verified(null, message, key, signature))) throw new Error('a good signature does not verify');
  });
  return perSecond;
}

export async function run(): Promise<SignedChangesFigures> {
  const stack = await startBenchStack();
  const client = new BenchClient(stack.apiUrl);
  try {
    return await signedChanges(stack, await prepareTargets(client, stack.operatorKey));
  } finally {
    client.close();
    await stack.close();
  }
}

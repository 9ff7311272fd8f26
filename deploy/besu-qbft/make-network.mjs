#!/usr/bin/env node
/**
 * Draws the keys of four validators and writes what their network needs, none of which is ever committed:
 *
 *   node deploy/besu-qbft/make-network.mjs [--chain-id 1337] [--to deploy/besu-qbft/network]
 *
 *   genesis.json        the first block, which names the validators in its extra data
 *   static-nodes.json   where each node finds the others
 *   validators.json     what verifiers of anchor proofs are given (freehold verify --validators)
 *   validator-N/key     one private key, readable by its owner alone
 *   .env                for compose: whose files these are
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { RLP } from '@ethereumjs/rlp';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { keccak_256 } from '@noble/hashes/sha3.js';

const VALIDATORS = 4;
const P2P_PORT = 30303;
/** As docker-compose.yml gives them. */
const addressOf = (number) => `172.28.0.${10 + number}`;
/** The mark of Istanbul's family of protocols: the ASCII of "ctical byzantine fault tolerance". */
const ISTANBUL_MIX_HASH = '0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365';

const hex = (bytes) => Buffer.from(bytes).toString('hex');

function drawValidator() {
  const { secretKey } = secp256k1.keygen();
  const publicKey = secp256k1.getPublicKey(secretKey, false).subarray(1);
  return { secret: hex(secretKey), publicKey: hex(publicKey), address: `0x${hex(keccak_256(publicKey).subarray(12))}` };
}

/** QBFT's extra data: 32 bytes of anything, the validators, no vote, round 0, no seals. */
function extraDataOf(addresses) {
  const validators = addresses.map((address) => Buffer.from(address.slice(2), 'hex'));
  return `0x${hex(RLP.encode([new Uint8Array(32), validators, [], new Uint8Array(0), []]))}`;
}

function genesisOf(chainId, addresses) {
  return {
    config: {
      chainId,
      berlinBlock: 0,
      londonBlock: 0,
      // Free of charge: the account that anchors needs no funds, and the same raw transaction is good at any time.
      zeroBaseFee: true,
      qbft: { blockperiodseconds: 1, epochlength: 30_000, requesttimeoutseconds: 4 },
    },
    nonce: '0x0',
    timestamp: `0x${Math.floor(Date.now() / 1000).toString(16)}`,
    gasLimit: '0x1c9c380',
    difficulty: '0x1',
    mixHash: ISTANBUL_MIX_HASH,
    coinbase: `0x${'00'.repeat(20)}`,
    baseFeePerGas: '0x0',
    extraData: extraDataOf(addresses),
    alloc: {},
  };
}

function options() {
  const here = dirname(fileURLToPath(import.meta.url));
  const { values } = parseArgs({
    options: {
      'chain-id': { type: 'string', default: '1337' },
      to: { type: 'string', default: join(here, 'network') },
    },
  });
  const chainId = Number(values['chain-id']);
  if (!Number.isSafeInteger(chainId) || chainId < 1) throw new Error(`${values['chain-id']} is no chain id`);
  return { chainId, folder: resolve(values.to) };
}

function main() {
  const { chainId, folder } = options();
  if (existsSync(folder))
    throw new Error(`${folder} is there already: its keys are those of a network, move it away first`);
  const validators = Array.from({ length: VALIDATORS }, drawValidator);
  const addresses = validators.map(({ address }) => address);
  const write = (name, text, mode = 0o644) => writeFileSync(join(folder, name), text, { mode });
  const writeJson = (name, value) => write(name, `${JSON.stringify(value, null, 2)}\n`);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  for (const [at, { secret }] of validators.entries()) {
    mkdirSync(join(folder, `validator-${at + 1}`, 'data'), { recursive: true, mode: 0o700 });
    write(`validator-${at + 1}/key`, `0x${secret}\n`, 0o600);
  }
  writeJson('genesis.json', genesisOf(chainId, addresses));
  writeJson(
    'static-nodes.json',
    validators.map(({ publicKey }, at) => `enode://${publicKey}@${addressOf(at + 1)}:${P2P_PORT}`),
  );
  writeJson('validators.json', { v: 1, type: 'freehold-validators', chainId, validators: addresses });
  write('.env', `BESU_USER=${process.getuid?.() ?? 1000}:${process.getgid?.() ?? 1000}\nBESU_NETWORK=${folder}\n`);
  process.stdout.write(
    `${folder}: chain ${chainId}, validators\n${addresses.map((address) => `  ${address}\n`).join('')}`,
  );
}

try {
  main();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

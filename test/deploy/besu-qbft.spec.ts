import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ChainKey } from '#chain';
import { projectRoot } from '#config';
import { parseValidatorSet } from '#proof';

const source = join(projectRoot(), 'deploy/besu-qbft');
const home = mkdtempSync(join(tmpdir(), 'freehold-qbft-'));
const folder = join(home, 'network');
const make = (...args: string[]) =>
  execFileSync(process.execPath, [join(source, 'make-network.mjs'), '--to', folder, ...args], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
const read = (name: string) => readFileSync(join(folder, name), 'utf8');
const json = (name: string) => JSON.parse(read(name));

interface Service {
  image: string;
  environment: Record<string, string>;
  volumes: string[];
  ports?: string[];
  networks: { qbft: { ipv4_address: string } };
}

let printed: string;
let services: Record<string, Service>;

beforeAll(() => {
  printed = make('--chain-id', '1447');
  services = parse(readFileSync(join(source, 'docker-compose.yml'), 'utf8'), { merge: true }).services;
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** RLP, as far as extra data need it: an item is bytes or a list, short or with a length of up to 8 bytes. */
function decode(bytes: Buffer): [item: unknown, rest: Buffer] {
  const [first] = bytes as unknown as [number];
  if (first < 0x80) return [bytes.subarray(0, 1), bytes.subarray(1)];
  const isList = first >= 0xc0;
  const short = first - (isList ? 0xc0 : 0x80);
  const digits = short > 55 ? short - 55 : 0;
  const length = digits > 0 ? bytes.readUIntBE(1, digits) : short;
  const start = 1 + digits;
  let body = bytes.subarray(start, start + length);
  expect(body.length).toBe(length);
  const rest = bytes.subarray(start + length);
  if (!isList) return [body, rest];
  const items: unknown[] = [];
  while (body.length > 0) {
    const [item, left] = decode(body);
    items.push(item);
    body = left;
  }
  return [items, rest];
}

describe('the QBFT network in deploy/', () => {
  it('has a genesis whose extra data name the four validators, as QBFT wants it', () => {
    const genesis = json('genesis.json');
    const [extra, rest] = decode(Buffer.from(genesis.extraData.slice(2), 'hex'));
    const [vanity, validators, vote, round, seals] = extra as [Buffer, Buffer[], unknown[], Buffer, unknown[]];
    expect([rest.length, vanity.length, vote, round.length, seals]).toEqual([0, 32, [], 0, []]);
    expect(validators.map((address) => `0x${address.toString('hex')}`)).toEqual(json('validators.json').validators);
    expect(genesis.extraData.endsWith('c080c0')).toBe(true);
    expect(genesis.mixHash).toBe(`0x${Buffer.from('ctical byzantine fault tolerance').toString('hex')}`);
    expect(genesis).toMatchObject({
      config: { chainId: 1447, berlinBlock: 0, londonBlock: 0, zeroBaseFee: true, qbft: { blockperiodseconds: 1 } },
      ...{ nonce: '0x0', difficulty: '0x1', baseFeePerGas: '0x0', alloc: {} },
    });
  });

  it('has keys that are those of the validators, for their owner alone', () => {
    const { validators, chainId } = parseValidatorSet(readFileSync(join(folder, 'validators.json')));
    expect(chainId).toBe(1447);
    const enodes = json('static-nodes.json') as string[];
    for (const [at, address] of validators.entries()) {
      const secret = read(`validator-${at + 1}/key`).trim();
      expect(new ChainKey(Buffer.from(secret.slice(2), 'hex')).address.toLowerCase()).toBe(address);
      expect(statSync(join(folder, `validator-${at + 1}/key`)).mode & 0o777).toBe(0o600);
      expect(enodes[at]).toMatch(new RegExp(`^enode://[0-9a-f]{128}@172.28.0.1${at + 1}:30303$`));
      expect(printed).toContain(address);
      expect(printed + read('genesis.json') + read('static-nodes.json') + read('.env')).not.toContain(secret.slice(2));
    }
    expect(new Set(validators).size).toBe(4);
  });

  it('has four services of one pinned image at the addresses that the nodes know', () => {
    expect(Object.keys(services)).toEqual([1, 2, 3, 4].map((number) => `validator-${number}`));
    for (const [name, service] of Object.entries(services)) {
      const number = Number(name.at(-1));
      const address = `172.28.0.1${number}`;
      expect(service.image).toMatch(/^hyperledger\/besu:\d+\.\d+\.\d+$/);
      expect(service.networks.qbft.ipv4_address).toBe(address);
      expect(service.environment).toMatchObject({ BESU_P2P_HOST: address, BESU_MIN_GAS_PRICE: '0' });
      // Its own key and nobody else's.
      expect(service.volumes.filter((volume) => volume.includes('validator-'))).toEqual([
        `\${BESU_NETWORK:?}/${name}:/validator`,
      ]);
      for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
      // Every option is one of Besu's command line, in its form as an environment variable, and text.
      for (const [option, value] of Object.entries(service.environment)) {
        expect([option, typeof value]).toEqual([expect.stringMatching(/^BESU_[A-Z0-9_]+$/), 'string']);
      }
    }
  });

  it('is never written over', () => {
    const before = read('validator-1/key');
    expect(() => make()).toThrow(/is there already/);
    expect(read('validator-1/key')).toBe(before);
    expect(readFileSync(join(projectRoot(), '.gitignore'), 'utf8')).toContain('deploy/besu-qbft/network/');
  });
});

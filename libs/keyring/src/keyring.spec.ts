import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { CommandKek } from './command-kek.js';
import { FileKek } from './file-kek.js';
import type { Kek } from './kek.js';
import { KekUnavailableError, SealBrokenError } from './keyring.errors.js';
import { Keyring } from './keyring.js';
import { newSecret, SERVICE_KEY_ALGORITHMS, serviceKey } from './service-key.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const AAD = bytes('what it is');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freehold-keyring-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A key command as an operator would write one: keeps its key in a file, wraps by XOR with a hash (enough to be a bijection). */
async function keyCommand(body = ''): Promise<string> {
  const script = join(folder, 'kek.mjs');
  await writeFile(
    script,
    `import { createHash } from 'node:crypto';
     let text = ''; for await (const chunk of process.stdin) text += chunk;
     const request = JSON.parse(text);
     const pad = createHash('sha256').update('the secret of the command').digest();
     const xor = (b64) => Buffer.from(b64, 'base64').map((byte, i) => byte ^ pad[i]).toString('base64');
     ${body}
     console.log(JSON.stringify(request.op === 'wrap' ? { keyId: 'kms/7', wrapped: xor(request.key) } : { key: xor(request.wrapped) }));`,
  );
  return `${process.execPath} ${script}`;
}

describe('sealing', () => {
  const adapters: [string, () => Promise<Kek>][] = [
    ['the file', async () => new FileKek(join(folder, 'keys', 'kek'))],
    ['the command', async () => new CommandKek(await keyCommand())],
  ];

  it.each(adapters)('opens what it sealed, under %s', async (_name, makeKek) => {
    const keyring = new Keyring(await makeKek());
    for (const plaintext of [new Uint8Array(0), bytes('a'), new Uint8Array(70_000).fill(7)]) {
      const sealed = await keyring.seal(plaintext, AAD);
      expect(Buffer.from(await keyring.open(sealed, AAD)).equals(plaintext)).toBe(true);
    }
  });

  it('never gives the same bytes twice and never shows the plaintext', async () => {
    const keyring = new Keyring(new FileKek(join(folder, 'kek')));
    const first = Buffer.from(await keyring.seal(bytes('canary-7f3a'), AAD));
    const second = Buffer.from(await keyring.seal(bytes('canary-7f3a'), AAD));
    expect(first.equals(second)).toBe(false);
    expect(first.includes('canary-7f3a')).toBe(false);
  });

  it('opens under no other AAD and no other key', async () => {
    const sealed = await new Keyring(new FileKek(join(folder, 'kek'))).seal(bytes('secret'), AAD);
    const same = new Keyring(new FileKek(join(folder, 'kek')));
    await expect(same.open(sealed, bytes('what it is not'))).rejects.toThrow(SealBrokenError);
    const other = new Keyring(new FileKek(join(folder, 'other')));
    await expect(other.open(sealed, AAD)).rejects.toThrow(/sealed under the key file-[0-9a-f]{16}.*put the right key/);
  });

  it('notices any changed, missing or added byte', async () => {
    const keyring = new Keyring(new FileKek(join(folder, 'kek')));
    const sealed = await keyring.seal(bytes('a secret of some length'), AAD);
    await fc.assert(
      fc.asyncProperty(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const changed = sealed.slice();
        changed[at]! ^= flip;
        await expect(keyring.open(changed, AAD)).rejects.toThrow(SealBrokenError);
      }),
      { numRuns: 400 },
    );
    for (let length = 0; length < sealed.length; length += 1) {
      await expect(keyring.open(sealed.subarray(0, length), AAD)).rejects.toThrow(SealBrokenError);
    }
    await expect(keyring.open(Buffer.concat([sealed, bytes('x')]), AAD)).rejects.toThrow(SealBrokenError);
  });
});

describe('the key file', () => {
  it('is made once, for its owner only, however many ask at once', async () => {
    const path = join(folder, 'deep', 'kek');
    const keys = await Promise.all(
      Array.from({ length: 20 }, async () => (await new FileKek(path).wrap(new Uint8Array(32))).keyId),
    );
    expect(new Set(keys).size).toBe(1);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'deep'))).toEqual(['kek']);
  });

  it.each(['640', '604', '660', '601'])('is refused with mode %s', async (mode) => {
    const path = join(folder, 'kek');
    await writeFile(path, new Uint8Array(32).fill(1));
    await chmod(path, mode);
    await expect(new FileKek(path).wrap(new Uint8Array(32))).rejects.toThrow(/can be read by others.*chmod 600/);
  });

  it('is refused with a wrong size, and never overwritten', async () => {
    const path = join(folder, 'kek');
    await writeFile(path, 'short', { mode: 0o600 });
    await expect(new FileKek(path).wrap(new Uint8Array(32))).rejects.toThrow(/has 5 bytes where 32 are due/);
    expect(await readFile(path, 'utf8')).toBe('short');
  });
});

describe('the key command', () => {
  it.each([
    ['fails', 'process.exit(3);', /exit code 3/],
    ['prints no JSON', 'console.log("canary-in-output"); process.exit(0);', /did not answer wrap with JSON/],
    ['prints another object', 'console.log(`{"key":"canary"}`); process.exit(0);', /wrong object: keyId, wrapped/],
    ['prints without end', 'while (true) process.stdout.write("x".repeat(65536));', /more than 131072 bytes/],
  ])('that %s is named, without its output', async (_name, body, message) => {
    const kek = new CommandKek(await keyCommand(body));
    const error: unknown = await kek.wrap(new Uint8Array(32)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(KekUnavailableError);
    expect((error as Error).message).toMatch(message);
    expect(inspect(error, { depth: 9 })).not.toContain('canary');
  });

  it('that hangs is ended in bounded time', async () => {
    const kek = new CommandKek(await keyCommand('await new Promise((resolve) => setTimeout(resolve, 60_000));'), 300);
    await expect(kek.wrap(new Uint8Array(32))).rejects.toThrow(/gave no answer within 300 ms/);
  });

  it('that does not exist is named', async () => {
    await expect(new CommandKek('/nowhere/kek --now').wrap(new Uint8Array(32))).rejects.toThrow(/could not be started/);
  });
});

describe('a service key', () => {
  it.each(SERVICE_KEY_ALGORITHMS)('of %s shows its secret neither printed nor as JSON', (algorithm) => {
    const secret = newSecret(algorithm);
    const key = serviceKey(algorithm, 'canary', 1, secret);
    const shown = `${inspect(key, { depth: 9, showHidden: true })} ${JSON.stringify({ key })} ${String(key)}`;
    expect(secret).toHaveLength(32);
    for (const encoding of ['hex', 'base64', 'latin1'] as const) {
      expect(shown).not.toContain(Buffer.from(secret).toString(encoding));
    }
    expect(shown).not.toContain([...secret].slice(0, 4).join(','));
  });

  it('signs as RFC 8032 section 7.1 test 2 has it', () => {
    const seed = Buffer.from('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb', 'hex');
    const key = serviceKey('ed25519', 'log', 1, seed);
    expect(Buffer.from(key.publicKey).toString('hex')).toBe(
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    );
    expect(Buffer.from(key.sign(Uint8Array.of(0x72))).toString('hex')).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    );
  });

  it('of secp256k1 has the public key of its scalar (SEC 2: scalar 1 is the generator)', () => {
    const one = new Uint8Array(32);
    one[31] = 1;
    expect(Buffer.from(serviceKey('secp256k1', 'account', 1, one).publicKey).toString('hex')).toBe(
      '0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8',
    );
  });
});

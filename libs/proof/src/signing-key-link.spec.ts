import { FormatError } from '#merkle';
import { enrolmentStatement, nodeCrypto, type SigningKeyLink, verifySigningKeyChain } from './index.js';
import { SampleActor } from './testing/sample-actor.js';

const scope = { origin: 'freehold/test', tenant: 'tnt-00000000000000001' };
const root = new SampleActor('root');
const [first, second, third] = ['first', 'second', 'third'].map((name) => new SampleActor(name)) as [
  SampleActor,
  SampleActor,
  SampleActor,
];
const chain = [first.link(scope, null, root), second.link(scope, first, root), third.link(scope, second, root)];
const rootPublicKey = Buffer.from(root.publicKey).toString('base64');
const verify = (links: SigningKeyLink[], changes: object = {}) =>
  verifySigningKeyChain(nodeCrypto, { ...scope, rootPublicKey, ...changes }, links);

describe('a chain of signing keys', () => {
  it('has a statement of seven lines', () => {
    expect(enrolmentStatement(scope, chain[1]!)).toBe(
      `freehold signing-key v1\nfreehold/test\ntnt-00000000000000001\n${second.userId}\n${second.keyId}\n${chain[1]!.publicKey}\n${first.keyId}\n`,
    );
  });

  it('leads from the root key to the key that was used', async () => {
    expect(await verify(chain)).toEqual({
      keyId: third.keyId,
      userId: third.userId,
      publicKey: third.publicKey,
      rootPublicKey,
    });
    expect((await verify(chain.slice(0, 1))).keyId).toBe(first.keyId);
  });

  it('without a root key holds only as far as it can', async () => {
    expect(await verify(chain, { rootPublicKey: undefined })).not.toHaveProperty('rootPublicKey');
    await expect(verify([second.link(scope, first, root)], { rootPublicKey: undefined })).rejects.toThrow(
      /not by root/,
    );
  });

  it.each<[string, () => Promise<unknown>]>([
    ['none at all', () => verify([])],
    ['another root', () => verify(chain, { rootPublicKey: chain[0]!.publicKey })],
    ['another tenant', () => verify(chain, { tenant: 'tnt-00000000000000002' })],
    ['another log', () => verify(chain, { origin: 'freehold/other' })],
    ['a link that is left out', () => verify([chain[0]!, chain[2]!])],
    ['a link without its root', () => verify(chain.slice(1))],
    ['another order', () => verify([chain[1]!, chain[0]!])],
    ['another user', () => verify([{ ...chain[0]!, userId: second.userId }])],
    ['another public key', () => verify([{ ...chain[0]!, publicKey: chain[1]!.publicKey }])],
    [
      'a signature of a key that was not enrolled',
      () => verify([chain[0]!, { ...chain[1]!, signature: chain[2]!.signature }]),
    ],
    ['a key that nobody showed to hold', () => verify([{ ...chain[0]!, possession: chain[0]!.signature }])],
    ['a member more', () => verify([{ ...chain[0]!, name: 'x' } as SigningKeyLink])],
    ['a malformed id', () => verify([{ ...chain[0]!, keyId: 'key-00000000000000001' }])],
    ['a link that is none', () => verify([null as unknown as SigningKeyLink])],
    ['a short signature', () => verify([{ ...chain[0]!, signature: 'AAAA' }])],
  ])('refuses %s', async (_what, verifying) => {
    await expect(verifying()).rejects.toThrow(FormatError);
  });
});

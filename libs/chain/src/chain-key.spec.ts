import { inspect } from 'node:util';
import {
  parseTransaction,
  recoverTransactionAddress,
  recoverTypedDataAddress,
  type TransactionSerializedLegacy,
} from 'viem';
import { ChainKey } from './chain-key.js';
import { LINK_TYPES, NO_LINK, registryDomain } from './registry-links.js';

/** Account 0 of the mnemonic "test test test test test test test test test test test junk", known everywhere. */
const SECRET = 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
const ADDRESS = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const key = new ChainKey(Buffer.from(SECRET, 'hex'));
const call = { chainId: 31337, nonce: 3, to: ADDRESS, data: '0x1234', gas: 50_000n } as const;

describe('ChainKey', () => {
  it('has the address that the world knows for this key', () => {
    expect(key.address).toBe(ADDRESS);
  });

  it('signs the same bytes every time, for one nonce of one chain', async () => {
    const transaction = { ...call, fee: { kind: 'fixed', gasPrice: 0n } } as const;
    const [first, second] = await Promise.all([key.signTransaction(transaction), key.signTransaction(transaction)]);
    expect(second).toEqual(first);
    expect(parseTransaction(first.raw)).toMatchObject({
      type: 'legacy',
      chainId: 31337,
      nonce: 3,
      gas: 50_000n,
      data: '0x1234',
    });
    expect(await recoverTransactionAddress({ serializedTransaction: first.raw as TransactionSerializedLegacy })).toBe(
      ADDRESS,
    );
  });

  it('offers a market fee where there is a market', async () => {
    const fee = { kind: 'market', maxFeePerGas: 900n, maxPriorityFeePerGas: 7n } as const;
    const { raw } = await key.signTransaction({ ...call, to: null, fee });
    expect(parseTransaction(raw)).toMatchObject({ type: 'eip1559', maxFeePerGas: 900n, maxPriorityFeePerGas: 7n });
    expect(parseTransaction(raw).to).toBeUndefined();
  });

  it('signs a link so that its signer can be recovered from the typed data', async () => {
    const registry = { chainId: 31337, contract: ADDRESS } as const;
    const link = { logId: NO_LINK, epoch: 1, size: 2n ** 63n, root: NO_LINK, prev: NO_LINK } as const;
    const { signer, signature } = await key.signAnchor(registry, link);
    const recovered = await recoverTypedDataAddress({
      domain: registryDomain(registry),
      types: LINK_TYPES,
      primaryType: 'Anchor',
      message: link,
      signature,
    });
    expect([signer, recovered]).toEqual([ADDRESS, ADDRESS]);
  });

  it('shows its secret to nobody who prints it', () => {
    const shown = `${inspect(key, { depth: 9, showHidden: true })} ${JSON.stringify(key)} ${key}`;
    expect(shown.toLowerCase()).not.toContain(SECRET);
  });
});

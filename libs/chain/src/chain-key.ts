import { keccak256, type PrivateKeyAccount, toHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import type { Fee } from './fee.js';
import {
  type AnchorLink,
  type AnchorPromiseTerms,
  type Hex,
  LINK_TYPES,
  type LinkSignature,
  PROMISE_TYPES,
  type Registry,
  registryDomain,
  type SignerSetLink,
} from './registry-links.js';

/** A transaction before it is signed. `to` is null when it creates a contract. */
export interface UnsignedTransaction {
  chainId: number;
  nonce: number;
  to: Hex | null;
  data: Hex;
  /** Most units of gas it may use; what it does not use costs nothing. */
  gas: bigint;
  fee: Fee;
}

/** The bytes that go to a node, and the hash under which every node will know them. */
export interface SignedTransaction {
  raw: Hex;
  hash: Hex;
}

/**
 * A secp256k1 key: of the account that sends transactions, or of an operator's signer that vouches for links. Signs without
 * any network. Signatures are deterministic (RFC 6979): the same transaction is the same bytes again.
 */
export class ChainKey {
  /** 20 bytes, EIP-55 checksummed. */
  readonly address: Hex;
  readonly #account: PrivateKeyAccount;

  /** @param secret The 32-byte scalar. */
  constructor(secret: Uint8Array) {
    this.#account = privateKeyToAccount(toHex(secret));
    this.address = this.#account.address;
  }

  async signTransaction({ chainId, nonce, to, data, gas, fee }: UnsignedTransaction): Promise<SignedTransaction> {
    const common = { chainId, nonce, to, data, gas };
    const raw =
      fee.kind === 'fixed'
        ? await this.#account.signTransaction({ ...common, type: 'legacy', gasPrice: fee.gasPrice })
        : await this.#account.signTransaction({
            ...common,
            type: 'eip1559',
            maxFeePerGas: fee.maxFeePerGas,
            maxPriorityFeePerGas: fee.maxPriorityFeePerGas,
          });
    return { raw, hash: keccak256(raw) };
  }

  async signAnchor(registry: Registry, link: AnchorLink): Promise<LinkSignature> {
    const signature = await this.#account.signTypedData({
      domain: registryDomain(registry),
      types: LINK_TYPES,
      primaryType: 'Anchor',
      message: link,
    });
    return { signer: this.address, signature };
  }

  async signSignerSet(registry: Registry, link: SignerSetLink): Promise<LinkSignature> {
    const signature = await this.#account.signTypedData({
      domain: registryDomain(registry),
      types: LINK_TYPES,
      primaryType: 'SignerSet',
      message: link,
    });
    return { signer: this.address, signature };
  }

  async signAnchorPromise(registry: Registry, terms: AnchorPromiseTerms): Promise<LinkSignature> {
    const signature = await this.#account.signTypedData({
      domain: registryDomain(registry),
      types: PROMISE_TYPES,
      primaryType: 'AnchorPromise',
      message: terms,
    });
    return { signer: this.address, signature };
  }
}

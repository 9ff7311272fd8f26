import { ascending, ChainKey, type Hex } from '#chain';
import type { ServiceKeys } from '#keyring';

const ACCOUNT_KEY = 'anchor-account';
const signerName = (number: number) => `anchor-signer-${number}`;

/** How many signers of how many an anchor takes. */
export interface AnchorQuorum {
  required: number;
  total: number;
}

/** The keys of anchoring: of the account that sends, and of the operator's signers whose quorum the contract asks for. */
export class AnchorKeys {
  private constructor(
    readonly account: ChainKey,
    readonly quorum: AnchorQuorum,
    private readonly serviceKeys: ServiceKeys,
    private readonly signers: ChainKey[],
  ) {}

  static async load(serviceKeys: ServiceKeys, quorum: AnchorQuorum): Promise<AnchorKeys> {
    const keys = new AnchorKeys(await chainKey(serviceKeys, ACCOUNT_KEY), quorum, serviceKeys, []);
    await keys.loadSigners(quorum.total);
    return keys;
  }

  /** The addresses of the signers that the settings ask for, as the contract orders them. */
  get signerAddresses(): Hex[] {
    return ascending(this.signers.slice(0, this.quorum.total).map((key) => key.address));
  }

  /** `count` of the keys of these addresses, or fewer when we do not have as many. */
  async quorumOf(addresses: readonly Hex[], count: number): Promise<ChainKey[]> {
    await this.loadSigners(addresses.length);
    return this.signers.filter((key) => addresses.includes(key.address)).slice(0, count);
  }

  private async loadSigners(total: number): Promise<void> {
    while (this.signers.length < total) {
      this.signers.push(await chainKey(this.serviceKeys, signerName(this.signers.length + 1)));
    }
  }
}

async function chainKey(serviceKeys: ServiceKeys, name: string): Promise<ChainKey> {
  return new ChainKey((await serviceKeys.getOrCreate(name, 'secp256k1')).revealSecret());
}

import { FormatError, fromBase64, utf8 } from '#merkle';
import { membersOf } from './ledger-body.js';
import type { ProofCrypto } from './proof-crypto.js';

/**
 * How a signing key came to be trusted: a statement that binds it to its user, signed by a key that was trusted before and by
 * the key itself. A chain of them leads from the tenant's root key, which the first entry of the tenant's chain pins, to the
 * key that signed a request. The operator cannot add a link without one of the tenant's keys.
 */
export interface SigningKeyLink {
  /** `sgk-` and 17 hexadecimal digits. */
  keyId: string;
  userId: string;
  /** Ed25519, 32 bytes in base64. */
  publicKey: string;
  /** The signing key that signed the statement, or `root`. */
  enrolledBy: string;
  /** Base64: the enrolling key's signature over the statement. */
  signature: string;
  /** Base64: the new key's own, which proves that somebody holds it. */
  possession: string;
}

/** Whose log and tenant the links belong to. */
export interface SigningKeyScope {
  origin: string;
  tenant: string;
}

export const ROOT_KEY = 'root';
/** Longer chains are refused: each link is a key that enrolled the next. */
export const MAX_SIGNING_KEY_LINKS = 64;

const SIGNING_KEY_ID = /^sgk-[0-9a-f]{17}$/;
const USER_ID = /^usr-[0-9a-f]{17}$/;
const MEMBERS = ['keyId', 'userId', 'publicKey', 'enrolledBy', 'signature', 'possession'] as const;

/** The text that an enrolling key and the new key sign. */
export function enrolmentStatement(
  { origin, tenant }: SigningKeyScope,
  { userId, keyId, publicKey, enrolledBy }: Pick<SigningKeyLink, 'userId' | 'keyId' | 'publicKey' | 'enrolledBy'>,
): string {
  return `freehold signing-key v1\n${origin}\n${tenant}\n${userId}\n${keyId}\n${publicKey}\n${enrolledBy}\n`;
}

/** @throws FormatError when a member is missing, surplus or malformed; says nothing of the signatures */
export function parseSigningKeyLink(value: unknown): SigningKeyLink {
  const link = membersOf(value, 'signing key link', MEMBERS);
  for (const name of MEMBERS) {
    if (typeof link[name] !== 'string') throw new FormatError(`the signing key link's ${name} is not text`);
  }
  const parsed = link as unknown as SigningKeyLink;
  const { keyId, userId, enrolledBy } = parsed;
  if (!SIGNING_KEY_ID.test(keyId)) throw new FormatError("the signing key link's keyId is malformed");
  if (!USER_ID.test(userId)) throw new FormatError("the signing key link's userId is malformed");
  if (enrolledBy !== ROOT_KEY && !SIGNING_KEY_ID.test(enrolledBy)) {
    throw new FormatError("the signing key link's enrolledBy is malformed");
  }
  if (fromBase64(parsed.publicKey).length !== 32) throw new FormatError('a signing key is 32 bytes');
  for (const text of [parsed.signature, parsed.possession]) {
    if (fromBase64(text).length !== 64) throw new FormatError('a signature of a signing key link is not 64 bytes');
  }
  return parsed;
}

/** Whether both signatures of a link hold under the key that enrolled it. @throws FormatError saying which does not */
export async function verifySigningKeyLink(
  crypto: ProofCrypto,
  scope: SigningKeyScope,
  link: SigningKeyLink,
  enrollingKey: Uint8Array,
): Promise<void> {
  const statement = utf8(enrolmentStatement(scope, link));
  if (!(await crypto.ed25519Verify(enrollingKey, statement, fromBase64(link.signature)))) {
    throw new FormatError(`${link.keyId} was not enrolled by the key ${link.enrolledBy}`);
  }
  await verifyPossession(crypto, link, statement);
}

async function verifyPossession(crypto: ProofCrypto, link: SigningKeyLink, statement: Uint8Array): Promise<void> {
  if (!(await crypto.ed25519Verify(fromBase64(link.publicKey), statement, fromBase64(link.possession)))) {
    throw new FormatError(`nobody showed that they hold ${link.keyId}`);
  }
}

/** The key at the end of a chain that holds. */
export interface VerifiedSigningKey {
  keyId: string;
  userId: string;
  /** 32 bytes. */
  publicKey: Uint8Array;
  /** The root key that the chain begins with, base64; absent when none was given, and then the first link's root signature was not checked. */
  rootPublicKey?: string;
}

/**
 * Follows the links from the tenant's root key to the key that was used. Without a root key the first link is held only
 * against its own key: the chain then proves who holds the keys, but not that the tenant wanted them.
 * @throws FormatError saying which link does not hold
 */
export async function verifySigningKeyChain(
  crypto: ProofCrypto,
  { origin, tenant, rootPublicKey }: SigningKeyScope & { rootPublicKey?: string },
  links: readonly SigningKeyLink[],
): Promise<VerifiedSigningKey> {
  if (links.length === 0) throw new FormatError('the chain of signing keys is empty');
  if (links.length > MAX_SIGNING_KEY_LINKS) throw new FormatError('the chain of signing keys is too long');
  const scope = { origin, tenant };
  let enroller: { keyId: string; publicKey: Uint8Array | null } = {
    keyId: ROOT_KEY,
    publicKey: rootPublicKey === undefined ? null : fromBase64(rootPublicKey),
  };
  for (const value of links) {
    const link = parseSigningKeyLink(value);
    if (link.enrolledBy !== enroller.keyId) {
      throw new FormatError(`${link.keyId} was enrolled by ${link.enrolledBy}, not by ${enroller.keyId} before it`);
    }
    if (enroller.publicKey) await verifySigningKeyLink(crypto, scope, link, enroller.publicKey);
    else await verifyPossession(crypto, link, utf8(enrolmentStatement(scope, link)));
    enroller = { keyId: link.keyId, publicKey: fromBase64(link.publicKey) };
  }
  const { keyId, userId } = links.at(-1)!;
  return { keyId, userId, publicKey: enroller.publicKey!, ...(rootPublicKey === undefined ? {} : { rootPublicKey }) };
}

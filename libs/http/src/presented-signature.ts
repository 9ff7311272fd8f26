import { parseDictionary, serializeInnerList } from 'structured-headers';
import { isId, type SigningKeyId } from '#kernel';
import { FormatError } from '#merkle';
import { parseSignatureInput, SIGNATURE_TAG, type SignatureInput } from '#proof';
import { malformed, parameterMissing, SignatureError, signingKeyUnknown } from './signature.errors.js';

/** The signature that a request says its actor made, read and not yet checked. */
export interface PresentedSignature {
  keyId: SigningKeyId;
  input: SignatureInput;
  /** The input's serialization, as it is part of the signature base. */
  signatureInput: string;
  signature: Uint8Array;
}

interface Member {
  label: string;
  text: string;
  input: SignatureInput;
}

const SIGNATURE_BYTES = 64;
const ONE_INPUT = /^([a-z*][a-z0-9_.*-]*)=(\(.*)$/;
/** The last digit has no unused bits: 64 bytes have one text. */
const ONE_SIGNATURE = /^([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]{85}[AQgw]==):$/;

/**
 * Finds the signature with Freehold's tag among those of a request; null when there is none. Signatures of others, with
 * other tags or none, are theirs to check.
 * @throws SignatureError when what is there cannot be read, or more than one is meant for us
 */
export function presentedSignature(headers: Record<string, string | string[] | undefined>): PresentedSignature | null {
  const { signature: signatures, 'signature-input': inputs } = headers;
  if (signatures === undefined && inputs === undefined) return null;
  if (typeof inputs !== 'string') {
    throw malformed('there is a signature and no Signature-Input that says what it covers');
  }
  const member = ownMember(inputs);
  if (!member) return null;
  const { input, label, text } = member;
  if (input.keyId === null) throw parameterMissing('keyid');
  if (!isId('signingKey', input.keyId)) throw signingKeyUnknown('of that form');
  if (typeof signatures !== 'string') throw malformed('there is no Signature', '/header/signature');
  return { keyId: input.keyId, input, signatureInput: text, signature: signatureOf(signatures, label) };
}

/** Most requests have one signature, in the one form that ours have; anything else is read as a dictionary of RFC 8941. */
function ownMember(inputs: string): Member | null {
  const [, label, text] = ONE_INPUT.exec(inputs) ?? [];
  const input = label === undefined ? null : readIfPlain(text!);
  if (input?.tag === SIGNATURE_TAG) return { label: label!, text: text!, input };
  const own: { label: string; text: string }[] = [];
  for (const [name, value] of dictionary(inputs, '/header/signature-input')) {
    if (!Array.isArray(value[0]) || value[1].get('tag') !== SIGNATURE_TAG) continue;
    own.push({ label: name, text: serializeInnerList(value as Parameters<typeof serializeInnerList>[0]) });
  }
  if (own.length > 1) throw malformed(`${own.length} signatures have the tag ${SIGNATURE_TAG}`);
  return own[0] ? { ...own[0], input: readInput(own[0].text) } : null;
}

/** Null for what is not one signature alone in its only form. */
function readIfPlain(text: string): SignatureInput | null {
  try {
    return parseSignatureInput(text);
  } catch {
    return null;
  }
}

function readInput(text: string): SignatureInput {
  try {
    return parseSignatureInput(text);
  } catch (error) {
    throw error instanceof FormatError ? malformed(error.message) : error;
  }
}

function signatureOf(signatures: string, label: string): Uint8Array {
  const pointer = '/header/signature';
  const one = ONE_SIGNATURE.exec(signatures);
  if (one?.[1] === label) return Buffer.from(one[2]!, 'base64');
  const value: unknown = dictionary(signatures, pointer).get(label)?.[0];
  const signature = value instanceof ArrayBuffer ? new Uint8Array(value) : null;
  // The parser takes other last digits for the same bytes; we take one text for one signature.
  const isExact = signature && signatures.includes(`:${Buffer.from(signature).toString('base64')}:`);
  if (isExact && signature.length === SIGNATURE_BYTES) return signature;
  throw malformed(`there is no Ed25519 signature of 64 bytes labelled ${label}`, pointer);
}

function dictionary(field: string, pointer: string) {
  try {
    return parseDictionary(field);
  } catch (error) {
    if (error instanceof SignatureError) throw error;
    throw malformed('it is not a dictionary of RFC 8941', pointer);
  }
}

import { FormatError, utf8 } from '#merkle';

/**
 * The part of HTTP Message Signatures (RFC 9421) that Freehold's requests use: which components a signature covers and with
 * which parameters, and the base that is signed. One reading for the service that checks a request and for whoever checks
 * its evidence years later.
 */

/** Marks a signature as one that vouches for a request to Freehold. */
export const SIGNATURE_TAG = 'freehold-v1';

/** What every signed request covers; `content-digest` and `if-match` as well, where the request has them. */
export const REQUIRED_COMPONENTS = ['@method', '@authority', '@path', '@query', 'idempotency-key'] as const;

/** What else may be covered. Nothing here can carry a secret: covered values are kept as evidence. */
export const OPTIONAL_COMPONENTS = ['content-digest', 'if-match', 'content-type', 'content-length', 'date'] as const;

export interface SignatureInput {
  /** Names of the covered components, in the order of the signature base. */
  components: string[];
  /** Unix seconds. */
  created: number | null;
  expires: number | null;
  nonce: string | null;
  keyId: string | null;
  algorithm: string | null;
  tag: string | null;
}

/** A covered component: its name without quotes, and its value. */
export type Component = readonly [name: string, value: string];

const NAME = '"[@a-z][a-z0-9-]{0,63}"';
const STRING = '"(?:[ !#-\\[\\]-~]|\\\\["\\\\])*"';
const PARAMETER = `;[a-z*][a-z0-9_.*-]{0,63}=(?:-?[0-9]{1,15}|${STRING})`;
const INPUT = new RegExp(`^\\(((?:${NAME}(?: ${NAME})*)?)\\)((?:${PARAMETER})*)$`);
const EACH_PARAMETER = new RegExp(`;([a-z*][a-z0-9_.*-]{0,63})=(?:(-?[0-9]{1,15})|(${STRING}))`, 'y');
const MAX_CHARACTERS = 2048;

/**
 * Reads the value of one member of Signature-Input: an inner list in the one serialization of RFC 8941, whose items have no
 * parameters of their own.
 * @throws FormatError
 */
export function parseSignatureInput(text: string): SignatureInput {
  const match = text.length <= MAX_CHARACTERS ? INPUT.exec(text) : null;
  if (!match) throw new FormatError('the signature input is not a list of components with plain parameters');
  const components = match[1] === '' ? [] : match[1]!.slice(1, -1).split('" "');
  if (new Set(components).size !== components.length) throw new FormatError('a component is covered twice');
  const parameters = parametersOf(match[2]!);
  return {
    components,
    created: integer(parameters, 'created'),
    expires: integer(parameters, 'expires'),
    nonce: string(parameters, 'nonce'),
    keyId: string(parameters, 'keyid'),
    algorithm: string(parameters, 'alg'),
    tag: string(parameters, 'tag'),
  };
}

function parametersOf(text: string): Map<string, number | string> {
  const parameters = new Map<string, number | string>();
  EACH_PARAMETER.lastIndex = 0;
  for (let one = EACH_PARAMETER.exec(text); one; one = EACH_PARAMETER.exec(text)) {
    const [, name, number, quoted] = one;
    if (parameters.has(name!)) throw new FormatError(`the parameter ${name} is there twice`);
    parameters.set(name!, number === undefined ? quoted!.slice(1, -1).replace(/\\(["\\])/g, '$1') : Number(number));
  }
  return parameters;
}

function integer(parameters: Map<string, number | string>, name: string): number | null {
  const value = parameters.get(name) ?? null;
  if (value === null || typeof value === 'number') return value;
  throw new FormatError(`the parameter ${name} is not an integer`);
}

function string(parameters: Map<string, number | string>, name: string): string | null {
  const value = parameters.get(name) ?? null;
  if (value === null || typeof value === 'string') return value;
  throw new FormatError(`the parameter ${name} is not a string`);
}

const VALUE = /^[\x20-\x7e]*$/;

/** The bytes that are signed (RFC 9421 section 2.5). @throws FormatError for a value that has no place in a line */
export function signatureBase(components: readonly Component[], signatureInput: string): Uint8Array {
  let base = '';
  for (const [name, value] of components) {
    if (!VALUE.test(value)) throw new FormatError(`the value of ${name} is not printable ASCII`);
    base += `"${name}": ${value}\n`;
  }
  return utf8(`${base}"@signature-params": ${signatureInput}`);
}

import { FormatError, fromBase64 } from '#merkle';

const MEMBER = '[a-z*][a-z0-9_.*-]*=:[A-Za-z0-9+/]*={0,2}:';
const FIELD = new RegExp(`^${MEMBER}(?:[ \\t]*,[ \\t]*${MEMBER})*$`);

/**
 * The digests of a Content-Digest field (RFC 9530) by algorithm. Each algorithm once: where RFC 8941 lets the last of two
 * members win, two readers could take different ones.
 * @throws FormatError
 */
export function parseContentDigest(field: string): Map<string, Uint8Array> {
  if (!FIELD.test(field)) throw new FormatError('Content-Digest is not a list of algorithm=:base64: members');
  const digests = new Map<string, Uint8Array>();
  for (const member of field.split(/[ \t]*,[ \t]*/)) {
    const at = member.indexOf('=');
    const algorithm = member.slice(0, at);
    if (digests.has(algorithm)) throw new FormatError(`Content-Digest has ${algorithm} twice`);
    digests.set(algorithm, fromBase64(member.slice(at + 2, -1)));
  }
  return digests;
}

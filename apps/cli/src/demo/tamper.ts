import { readFileSync, writeFileSync } from 'node:fs';

export interface Tampering {
  entryId: string;
  action: string;
  before: string;
  after: string;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** Where the lowest bit of each of three bytes is in their four base64 characters: which character, which bit of its six. */
const LOW_BITS = [
  [1, 4],
  [2, 2],
  [3, 0],
] as const;

/**
 * Copies a bundle with one byte changed: a digit of the address block in an entry about a subnet, as somebody would who
 * wants the past to have been another.
 */
export function tamperCopy(bundle: string, copy: string): Tampering {
  const lines = readFileSync(bundle, 'utf8').split('\n');
  for (const [at, line] of lines.entries()) {
    const entry = line.startsWith('{"entry":{') ? (JSON.parse(line).entry as { id: string; body: string }) : null;
    const body = entry && Buffer.from(entry.body, 'base64').toString('latin1');
    const found = body ? /"action":"subnet\.created".*"cidrBlock":"(?<cidr>[0-9.]+)\//s.exec(body) : null;
    if (!entry || !body || !found) continue;
    const { cidr } = found.groups as { cidr: string };
    const second = body.indexOf(`"cidrBlock":"${cidr}`) + '"cidrBlock":"'.length + cidr.indexOf('.') + 1;
    lines[at] = line.replace(entry.body, flipLowBit(entry.body, second));
    writeFileSync(copy, lines.join('\n'));
    const after = Buffer.from(flipLowBit(entry.body, second), 'base64').toString('latin1');
    return { entryId: entry.id, action: 'subnet.created', before: cidrIn(body), after: cidrIn(after) };
  }
  throw new Error(`${bundle} has no entry about a subnet`);
}

/** Changes one character of base64 so that the lowest bit of the byte at `at` is another. */
function flipLowBit(base64: string, at: number): string {
  const [character, bit] = LOW_BITS[at % 3]!;
  const place = Math.floor(at / 3) * 4 + character;
  const value = ALPHABET.indexOf(base64[place]!) ^ (1 << bit);
  return base64.slice(0, place) + ALPHABET[value] + base64.slice(place + 1);
}

function cidrIn(body: string): string {
  return /"cidrBlock":"([^"]+)"/.exec(body)?.[1] ?? '';
}

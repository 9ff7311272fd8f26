import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';
import { type Cidr, parseCidr } from '#ip';

/** What the text of a variable may be: the schema that reads it, and the same rule in words. */
export interface SettingKind<T> {
  schema: z.ZodType<T, string>;
  /** Completes "must be ...". */
  rule: string;
}

/** A value as text is never surrounded by blanks and holds no control character: both are slips of an editor or a shell. */
const plainText = z.string().regex(/^(?!\s)[^\p{Cc}]+(?<!\s)$/u);

export function wholeNumber(min: number, max: number): SettingKind<number> {
  return {
    schema: z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number)
      .refine((value) => value >= min && value <= max),
    rule: `a whole number from ${min} to ${max}`,
  };
}

export const port: SettingKind<number> = {
  schema: wholeNumber(0, 65535).schema,
  rule: 'a TCP port from 0 to 65535 (0: any free one)',
};

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

export const host: SettingKind<string> = {
  schema: plainText.refine((value) => isIP(value) !== 0 || (HOST_NAME.test(value) && !/^[\d.]+$/.test(value))),
  rule: 'an IP address or a host name, without brackets and port',
};

/** A file or folder. A relative path is taken from the current folder. */
export const path: SettingKind<string> = {
  schema: plainText.transform((value) => resolve(value)),
  rule: 'a path (a relative one is taken from the current folder)',
};

/** Names separated by commas, in lower case as in host names, each once. */
export const nameList: SettingKind<readonly string[]> = {
  schema: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,62}(,[a-z][a-z0-9-]{0,62}){0,99}$/)
    .transform((value) => value.split(','))
    .refine((names) => new Set(names).size === names.length),
  rule: 'names of lower-case letters, digits and dashes, separated by commas, each once',
};

function isCidr(text: string): boolean {
  try {
    parseCidr(text);
    return true;
  } catch {
    return false;
  }
}

/** Networks in canonical text, separated by commas. */
export const cidrList: SettingKind<readonly Cidr[]> = {
  schema: plainText
    .refine((value) => value.split(',').every(isCidr))
    .transform((value) => value.split(',').map((text) => parseCidr(text))),
  rule: 'networks such as 10.0.0.0/8 or fd00::/8, separated by commas',
};

/** Addresses of servers, each with its port or without. */
export const addressList: SettingKind<readonly string[]> = {
  schema: plainText
    .transform((value) => value.split(','))
    .refine((servers) =>
      servers.every((server) => isIP(server.replace(/^\[(.+)\](:\d+)?$|^([\d.]+):\d+$/, '$1$3')) !== 0),
    ),
  rule: 'IP addresses, each with a port or without (192.0.2.1:53, [2001:db8::1]:53), separated by commas',
};

export const commandLine: SettingKind<string> = { schema: plainText, rule: 'a command line on one line' };

/** A URL of one of the given schemes. Kept as written. */
export function url(...schemes: string[]): SettingKind<string> {
  return {
    schema: plainText.refine((value) => {
      if (!URL.canParse(value)) return false;
      const { hostname, protocol } = new URL(value);
      return hostname !== '' && schemes.includes(protocol.slice(0, -1));
    }),
    rule: `a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
  };
}

export function oneOf<const T extends string>(...values: [T, ...T[]]): SettingKind<T> {
  return { schema: z.string().pipe(z.enum(values)), rule: `one of ${values.join(', ')}` };
}

/** How many signatures of how many signers an anchor takes. */
export interface Quorum {
  required: number;
  total: number;
}

const MOST_SIGNERS = 32;

export const quorum: SettingKind<Quorum> = {
  schema: z
    .string()
    .regex(/^[1-9]\d?\/[1-9]\d?$/)
    .transform((value) => {
      const [required = 0, total = 0] = value.split('/').map(Number);
      return { required, total };
    })
    .refine(({ required, total }) => required <= total && total <= MOST_SIGNERS),
  rule: `<required>/<total>, where required <= total <= ${MOST_SIGNERS}`,
};

/** A witness of the log: its verifier key, and the URL before `/add-checkpoint`. */
export interface WitnessAddress {
  vkey: string;
  url: string;
}

const MOST_WITNESSES = 32;
const WITNESS = /^([^\s+,]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*)\s+(https?:\/\/[^\s,]+)$/;

/** `<vkey> <url>` with commas between, or a file with one to a line; lines that begin with # say nothing. */
export const witnessList: SettingKind<readonly WitnessAddress[]> = {
  schema: plainText
    .transform((value) => (/^[./]/.test(value) ? contentOf(value) : value))
    .transform((text) =>
      text
        .split(/[,\n]/)
        .map((line) => line.trim())
        .filter((line) => line !== '' && !line.startsWith('#')),
    )
    .refine((lines) => lines.length <= MOST_WITNESSES && lines.every((line) => WITNESS.test(line)))
    .transform((lines) =>
      lines.map((line) => {
        const [, vkey, url] = WITNESS.exec(line)!;
        return { vkey: vkey!, url: url!.replace(/\/+$/, '') };
      }),
    )
    .refine((all) => all.every(({ url }) => URL.canParse(url))),
  rule: `"<vkey> <url>" for each witness with commas between, at most ${MOST_WITNESSES}, or the path of a file with one to a line`,
};

/** What no line can be when there is no such file, so that the rule is what is said. */
function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return 'unreadable';
  }
}

export const yesOrNo: SettingKind<boolean> = {
  schema: z
    .string()
    .pipe(z.enum(['true', 'false']))
    .transform((value) => value === 'true'),
  rule: 'true or false',
};

/** When an anchor's transaction counts as final. */
export type ChainFinality =
  | { kind: 'dev' }
  | { kind: 'qbft' }
  | { kind: 'finalized' }
  | { kind: 'depth'; blocks: number };

export const chainFinality: SettingKind<ChainFinality> = {
  schema: z
    .string()
    .regex(/^(dev|qbft|finalized|depth:[1-9]\d{0,4})$/)
    .transform((value): ChainFinality => {
      const [kind, blocks] = value.split(':');
      return kind === 'depth' ? { kind, blocks: Number(blocks) } : { kind: kind as 'dev' | 'qbft' | 'finalized' };
    }),
  rule: 'one of dev, qbft, finalized, depth:<blocks>',
};

import fc from 'fast-check';
import { parseCidr } from '#ip';
import { requirePermittedAddress } from './address-policy.js';
import { EgressRefusedError } from './egress.errors.js';
import { hostOf, parseTargetUrl } from './target-url.js';

const HTTPS_ONLY = { allowHttp: false };

const ruleOf = (work: () => unknown): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof EgressRefusedError)) throw error;
    return error.errors[0]?.rule;
  }
};

describe('a URL of a tenant', () => {
  it.each([
    ['http://example.com/', 'url.scheme'],
    ['ftp://example.com/', 'url.scheme'],
    ['file:///etc/passwd', 'url.scheme'],
    ['gopher://example.com:70/', 'url.scheme'],
    ['javascript:alert(1)', 'url.scheme'],
    ['//example.com/', 'url.syntax'],
    ['example.com', 'url.syntax'],
    ['https://', 'url.syntax'],
    ['https://exa mple.com/', 'url.syntax'],
    ['https://example.com/\r\nX-Injected: 1', 'url.syntax'],
    ['https://example.com/\tx', 'url.syntax'],
    ['https://ex\u00e4mple.com/', 'url.syntax'],
    ['https://256.256.256.256/', 'url.syntax'],
    ['https://[::1%25eth0]/', 'url.syntax'],
    ['https://user@example.com/', 'url.no-credentials'],
    ['https://user:secret@example.com/', 'url.no-credentials'],
    ['https://example.com@127.0.0.1/', 'url.no-credentials'],
    ['https://example.com/#x', 'url.no-fragment'],
    ['https://example.com/#', 'url.no-fragment'],
    ['https://example.com:22/', 'url.port'],
    ['https://example.com:25/', 'url.port'],
    ['https://example.com:80/', 'url.port'],
    ['https://example.com:6000/', 'url.port'],
    ['https://example.com:0/', 'url.port'],
    ['https://example.com:65536/', 'url.syntax'],
    [`https://example.com/${'x'.repeat(2048)}`, 'url.length'],
  ])('is refused: %s', (text, rule) => {
    expect(ruleOf(() => parseTargetUrl(text, HTTPS_ONLY))).toBe(rule);
  });

  it.each([
    ['https://example.com/hook?x=1', 'https://example.com/hook?x=1'],
    ['HTTPS://EXAMPLE.com:443', 'https://example.com/'],
    ['https://example.com:8443/', 'https://example.com:8443/'],
    ['https://example.com/a/../b', 'https://example.com/b'],
  ])('has one spelling: %s', (text, spelling) => {
    expect(parseTargetUrl(text, HTTPS_ONLY).href).toBe(spelling);
  });

  it('is plain HTTP where the operator allows that', () => {
    expect(parseTargetUrl('http://example.com/', { allowHttp: true }).href).toBe('http://example.com/');
    expect(ruleOf(() => parseTargetUrl('http://example.com:443/', { allowHttp: true }))).toBe('url.port');
  });
});

/** Ways in which people have written addresses of their neighbours. */
const HOSTILE_HOSTS =
  `127.0.0.1 127.1 127.0.1 0x7f.1 0x7f000001 0177.0.0.1 2130706433 017700000001 0 0.0.0.0 127.255.255.254
  10.0.0.1 10.1 0xa.0.0.1 167772161 172.16.0.1 192.168.1.1 169.254.169.254 0xa9fea9fe 2852039166 0251.0376.0251.0376
  100.64.0.1 192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255
  [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [0:0:0:0:0:ffff:a00:1] [64:ff9b::10.0.0.1] [64:ff9b:1::1]
  [2002:a00:1::1] [2001::1] [fe80::1] [fec0::1] [fc00::1] [fd12:3456::1] [ff02::1] [2001:db8::1] [100::1] [3fff::1]`.split(
    /\s+/,
  );

/** What of a URL is connected to when its host is an address already. */
const literalRule = (host: string, allowed: string[] = []) => {
  const url = parseTargetUrl(`https://${host}/`, HTTPS_ONLY);
  return ruleOf(() =>
    requirePermittedAddress(
      hostOf(url),
      allowed.map((text) => parseCidr(text)),
    ),
  );
};

describe('an address', () => {
  it.each(HOSTILE_HOSTS)('is refused however it is written: %s', (host) => {
    expect(literalRule(host)).toBe('url.public-address');
  });

  it('is permitted when it is public, or in a network that the operator allows', () => {
    expect(literalRule('1.1.1.1')).toBeUndefined();
    expect(literalRule('[2606:4700::1111]')).toBeUndefined();
    expect(literalRule('10.1.2.3', ['10.1.0.0/16'])).toBeUndefined();
    expect(literalRule('10.2.2.3', ['10.1.0.0/16'])).toBe('url.public-address');
    expect(literalRule('[::1]', ['127.0.0.0/8'])).toBe('url.public-address');
    // The network that is allowed is the one of the address as it is connected to.
    expect(literalRule('[::ffff:10.1.2.3]', ['10.1.0.0/16'])).toBe('url.public-address');
  });

  it('that is private is refused in each of the spellings that the parser takes', () => {
    const spellings = fc.constantFrom<(value: number) => string>(
      (value) => String(value),
      (value) => `0x${value.toString(16)}`,
      (value) => `0${value.toString(8)}`,
      (value) => [value >>> 24, (value >>> 16) & 255, value & 0xffff].map((part) => `0x${part.toString(16)}`).join('.'),
      (value) => `${value >>> 24}.${value & 0xffffff}`,
    );
    const privates = fc.oneof(
      fc.integer({ min: 0x0a000000, max: 0x0affffff }),
      fc.integer({ min: 0x7f000000, max: 0x7fffffff }),
      fc.integer({ min: 0xa9fe0000, max: 0xa9feffff }),
      fc.integer({ min: 0xc0a80000, max: 0xc0a8ffff }),
    );
    fc.assert(
      fc.property(privates, spellings, (value, spell) => {
        expect(literalRule(spell(value))).toBe('url.public-address');
      }),
    );
  });
});

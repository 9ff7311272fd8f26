import { isIP } from 'node:net';
import fc from 'fast-check';
import { InvalidInputError } from '#kernel';
import { type Address, addressOf, compareAddresses, formatAddress, type IpVersion, parseAddress } from './address.js';
import { atPointer, IpRuleError } from './ip-rule.error.js';

const ipv4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value) => addressOf(4, value));
/** Groups that are often zero, so that there is something for `::` to stand for. */
const ipv6 = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 0xffff })), {
    minLength: 8,
    maxLength: 8,
  })
  .map((groups) => addressOf(6, BigInt(`0x${groups.map((group) => group.toString(16).padStart(4, '0')).join('')}`)));
const isEmbeddedIpv4 = ({ version, value }: Address) =>
  version === 6 && (value >> 32n === 0xffffn || (value >> 32n === 0n && value > 1n));

/** What the URL standard's own serializer writes for the address: an implementation that shares nothing with ours. */
function urlText({ version, value }: Address): string {
  if (version === 4) return new URL(`http://${value}/`).hostname;
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

function ruleOf(work: () => unknown): Pick<IpRuleError, 'rule' | 'fix' | 'message'> {
  try {
    work();
  } catch (error) {
    if (error instanceof IpRuleError) return error;
    throw error;
  }
  throw new Error('no rule was broken');
}

describe('addresses', () => {
  it('are written as the URL standard writes them, and read back', () => {
    fc.assert(
      fc.property(fc.oneof(ipv4, ipv6), (address) => {
        const text = formatAddress(address);
        expect(text).toBe(urlText(address));
        if (!isEmbeddedIpv4(address)) expect(parseAddress(text)).toEqual(address);
      }),
      { numRuns: 2000 },
    );
  });

  it.each<[string, IpVersion, bigint]>([
    ['0.0.0.0', 4, 0n],
    ['255.255.255.255', 4, 2n ** 32n - 1n],
    ['10.0.0.1', 4, 0x0a000001n],
    ['::', 6, 0n],
    ['::1', 6, 1n],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 6, 2n ** 128n - 1n],
    ['2001:db8::1:0:0:1', 6, 0x20010db8000000000001000000000001n],
    ['2001:db8:0:1:1:1:1:1', 6, 0x20010db8000000010001000100010001n],
  ])('reads %s', (text, version, value) => {
    expect(parseAddress(text)).toEqual({ version, value });
    expect(parseAddress(text, version)).toEqual({ version, value });
  });

  it.each([
    ['', 'ip.empty', 'write an address, such as 10.0.0.1 or fd00::1'],
    ['010.0.0.1', 'ip.leading-zero', 'write 10.0.0.1'],
    ['10.0.0.01', 'ip.leading-zero', 'write 10.0.0.1'],
    ['10.00.0.1', 'ip.leading-zero', 'write 10.0.0.1'],
    ['10.0.0.0999', 'ip.leading-zero', 'write four decimal numbers from 0 to 255, such as 10.0.0.1'],
    ['10.0.0.1 ', 'ip.whitespace', 'remove the whitespace'],
    ['\t10.0.0.1', 'ip.whitespace', 'remove the whitespace'],
    ['10.0.0.1\n', 'ip.whitespace', 'remove the whitespace'],
    ['10.0.0.1\u00a0', 'ip.whitespace', 'remove the whitespace'],
    ['10.0.0.1\0', 'ip.characters', expect.any(String)],
    ['10.0.0.1\0.example', 'ip.characters', expect.any(String)],
    ['１0.0.0.1', 'ip.characters', expect.any(String)],
    ['[::1]', 'ip.characters', expect.any(String)],
    ['0x0a.0.0.1', 'ip.characters', expect.any(String)],
    ['-1.0.0.1', 'ip.characters', expect.any(String)],
    ['fe80::1%eth0', 'ip.zone-id', 'leave out "%eth0"'],
    ['10.0.0.1%1', 'ip.zone-id', 'leave out "%1"'],
    ['10.0.0.1/32', 'ip.single-address', 'leave out "/32"'],
    ['::1/128', 'ip.single-address', 'leave out "/128"'],
    ['10.0.0', 'ip.syntax', expect.stringContaining('10.0.0.1')],
    ['10.1', 'ip.syntax', expect.stringContaining('10.0.0.1')],
    ['167772161', 'ip.syntax', expect.stringContaining('10.0.0.1')],
    ['10.0.0.256', 'ip.syntax', expect.stringContaining('10.0.0.1')],
    ['10.0.0.1.', 'ip.syntax', expect.stringContaining('10.0.0.1')],
    ['10..0.1', 'ip.syntax', expect.stringContaining('10.0.0.1')],
    ['10.0.0.a', 'ip.syntax', expect.stringContaining('10.0.0.1')],
    [':::', 'ip.syntax', expect.stringContaining('fd00:1:2::1')],
    ['1::2::3', 'ip.syntax', expect.stringContaining('fd00:1:2::1')],
    ['1:2:3:4:5:6:7:8:9', 'ip.syntax', expect.stringContaining('fd00:1:2::1')],
    ['1:2:3:4:5:6:7::8', 'ip.syntax', expect.stringContaining('fd00:1:2::1')],
    ['1:2:3:4:5:6:7', 'ip.syntax', expect.stringContaining('fd00:1:2::1')],
    ['12345::', 'ip.syntax', expect.stringContaining('fd00:1:2::1')],
    ['::ffff:10.0.0.1', 'ip.v4-mapped', 'write the IPv4 address 10.0.0.1'],
    ['::ffff:a00:1', 'ip.v4-mapped', 'write the IPv4 address 10.0.0.1'],
    ['0:0:0:0:0:FFFF:a00:1', 'ip.v4-mapped', 'write the IPv4 address 10.0.0.1'],
    ['::10.0.0.1', 'ip.v4-compatible', expect.stringContaining('10.0.0.1')],
    ['2001:DB8::1', 'ip.canonical', 'write 2001:db8::1'],
    ['2001:0db8::1', 'ip.canonical', 'write 2001:db8::1'],
    ['2001:db8:0:0:0:0:0:1', 'ip.canonical', 'write 2001:db8::1'],
    ['2001:db8::1:1:1:1:1', 'ip.canonical', 'write 2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', 'ip.canonical', 'write 2001:0:0:1::1'],
    ['2001:db8::1:0:0:0:1', 'ip.canonical', 'write 2001:db8:0:1::1'],
    ['64:ff9b::10.0.0.1', 'ip.canonical', 'write 64:ff9b::a00:1'],
    ['1:2:3:4:5:6:7::', 'ip.canonical', 'write 1:2:3:4:5:6:7:0'],
    [`${'1'.repeat(65)}`, 'ip.length', 'write at most 64 characters'],
  ])('refuses %j by %s', (text, rule, fix) => {
    expect(ruleOf(() => parseAddress(text))).toMatchObject({ rule, fix });
  });

  it('refuses the other version and says which is wanted', () => {
    expect(ruleOf(() => parseAddress('10.0.0.1', 6))).toMatchObject({ rule: 'ip.version' });
    expect(ruleOf(() => parseAddress('fd00::1', 4)).message).toBe('"fd00::1" is IPv6, but IPv4 is wanted');
  });

  it('accepts only what the operating system accepts, in its canonical form, whatever it is fed', () => {
    const nearAddress = fc
      .tuple(
        fc.oneof(ipv4, ipv6).map(formatAddress),
        fc.nat(45),
        fc.constantFrom(...'0123456789af.:/% \0xFg', '::', '00'),
      )
      .map(([text, at, put]) => text.slice(0, at) + put + text.slice(at + (at % 2)));
    const pieces = fc.array(fc.constantFrom('0', '1', '255', '256', '00', 'ffff', '.', ':', '::', '/', 'A'), {
      maxLength: 16,
    });
    fc.assert(
      fc.property(
        fc.oneof(
          nearAddress,
          pieces.map((list) => list.join('')),
          fc.string(),
        ),
        (text) => {
          let address: Address;
          try {
            address = parseAddress(text);
          } catch (error) {
            expect(error).toBeInstanceOf(IpRuleError);
            return;
          }
          expect(isIP(text)).toBe(address.version);
          expect(urlText(address)).toBe(text);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('refuses megabytes by their length, before anything else looks at them, and keeps them out of the message', () => {
    for (const text of ['%'.repeat(4e6), `${'1:'.repeat(2e6)}`, `10.0.0.1${' '.repeat(4e6)}`, '0'.repeat(4e6)]) {
      const { rule, message, fix } = ruleOf(() => parseAddress(text));
      expect(rule).toBe('ip.length');
      expect(message.length + fix.length).toBeLessThan(250);
    }
  });

  it('escapes what a message repeats', () => {
    expect(ruleOf(() => parseAddress('\u202e1\0\x1b[2J')).message).toBe(
      '"\\u202e1\\u0000\\u001b[2J" contains characters that no address has',
    );
  });

  it('are ordered by version and then by value', () => {
    const sorted = ['fd00::1', '10.0.0.2', '::', '9.255.255.255', '10.0.0.1'].map((text) => parseAddress(text));
    expect(sorted.sort(compareAddresses).map(formatAddress)).toEqual([
      '9.255.255.255',
      '10.0.0.1',
      '10.0.0.2',
      '::',
      'fd00::1',
    ]);
  });

  it('cannot be made of values they do not have', () => {
    expect(() => addressOf(4, 2n ** 32n)).toThrow(RangeError);
    expect(() => addressOf(6, 2n ** 128n)).toThrow(RangeError);
    expect(() => addressOf(4, -1n)).toThrow(RangeError);
  });
});

describe('atPointer', () => {
  it('adds where the text came from, and lets other errors and values through', () => {
    expect(atPointer('/address', () => parseAddress('10.0.0.1'))).toEqual(addressOf(4, 0x0a000001n));
    expect(() => atPointer('/address', () => addressOf(4, -1n))).toThrow(RangeError);
    let caught: unknown;
    try {
      atPointer('/address', () => parseAddress('010.0.0.1'));
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(InvalidInputError);
    expect((caught as InvalidInputError).errors).toEqual([
      {
        pointer: '/address',
        rule: 'ip.leading-zero',
        message: '"010.0.0.1" has a number with a leading zero, which some programs read as octal',
        fix: 'write 10.0.0.1',
      },
    ]);
  });
});

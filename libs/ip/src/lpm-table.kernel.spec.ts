/**
 * The Linux kernel's routing tables as the oracle for longest-prefix match. Each case loads routes into a network
 * namespace of its own, so that nothing of the machine is touched or seen. Where namespaces are not permitted, the test
 * says by name that this comparison was not made.
 */
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { type Address, addressBits, addressOf, formatAddress, type IpVersion } from './address.js';
import { type Cidr, cidrAround, formatCidr, lastAddress, parseCidr } from './cidr.js';
import { LpmTable } from './lpm-table.js';

/** Runs `ip` commands in a new namespace. Lookups that find no route are errors, which `-force` lets pass. */
function inNamespace(version: IpVersion, commands: readonly string[]): { lines: string[]; errors: string } {
  const run = spawnSync('unshare', ['--map-root-user', '--net', 'ip', `-${version}`, '-force', '-batch', '-'], {
    input: ['link set lo up', ...commands, ''].join('\n'),
    encoding: 'utf8',
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    timeout: 30_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (run.error) throw run.error;
  return { lines: run.stdout.split('\n').filter((line) => line !== ''), errors: run.stderr };
}

/** Why the kernel cannot be asked about this version here, or null when it can. */
function refusal(version: IpVersion, probe: string): string | null {
  try {
    const { lines, errors } = inNamespace(version, [`route add ${probe} dev lo`, `route get fibmatch ${probe}`]);
    if (lines[0]?.startsWith(probe)) return null;
    return errors.trim().split('\n')[0] || 'ip route get printed nothing';
  } catch (error) {
    return (error as Error).message;
  }
}

/** The kernel's answer for each address: the block of the route it would use, or null. */
function askKernel(version: IpVersion, changes: readonly string[], addresses: readonly Address[]): (string | null)[] {
  const lookups = addresses.map((address) => `route get fibmatch ${formatAddress(address)}`);
  const { lines, errors } = inNamespace(version, [...changes, ...lookups]);
  const failed = new Set(Array.from(errors.matchAll(/^Command failed -:(\d+)$/gm), ([, line]) => Number(line)));
  const firstLookup = changes.length + 2;
  if ([...failed].some((line) => line < firstLookup)) throw new Error(`the kernel refused a change: ${errors}`);
  const answers = lines.values();
  return lookups.map((_, index) => {
    if (failed.has(firstLookup + index)) return null;
    const [destination] = answers.next().value!.split(' ');
    if (destination === 'default') return version === 4 ? '0.0.0.0/0' : '::/0';
    return destination!.includes('/') ? destination! : `${destination}/${addressBits(version)}`;
  });
}

/** Blocks that share long prefixes with one another inside `world`, or the default route. */
function blocksOf(world: Cidr): fc.Arbitrary<Cidr> {
  const bits = addressBits(world.version);
  const free = bits - world.prefixLength;
  const inside = fc
    .tuple(fc.array(fc.nat(free - 1), { maxLength: 4 }), fc.integer({ min: world.prefixLength, max: bits }))
    .map(([ones, length]) => {
      const marks = ones.reduce((value, at) => value | (1n << BigInt(at)), 0n);
      return cidrAround(addressOf(world.version, world.first | marks), length);
    });
  return fc.oneof(
    { weight: 200, arbitrary: inside },
    { weight: 1, arbitrary: fc.constant(cidrAround({ version: world.version, value: 0n }, 0)) },
  );
}

describe.each<[IpVersion, string, string]>([
  [4, '10.0.0.0/8', '11.0.0.1'],
  [6, 'fd00::/8', 'fc00::1'],
])('longest-prefix match of IPv%s against the Linux kernel', (version, worldText, outside) => {
  const refused = refusal(version, outside);

  if (refused !== null) {
    it(`NOT TESTED: this machine does not let a test ask the kernel (${refused})`, () => {
      console.warn(`NOT TESTED: longest-prefix match of IPv${version} against the Linux kernel: ${refused}`);
      expect(refused).not.toBe('');
    });
    return;
  }

  it('finds the same route for every address, after routes were added and removed', () => {
    const block = blocksOf(parseCidr(worldText));
    const cases = fc.record({
      kept: fc.uniqueArray(block, { minLength: 100, maxLength: 400, selector: formatCidr, size: 'max' }),
      removed: fc.uniqueArray(block, { maxLength: 200, selector: formatCidr, size: 'max' }),
      probes: fc.array(block.map(lastAddress), { minLength: 200, maxLength: 400, size: 'max' }),
    });
    let compared = 0;
    fc.assert(
      fc.property(cases, ({ kept, removed, probes }) => {
        const keptTexts = new Set(kept.map(formatCidr));
        const gone = removed.filter((cidr) => !keptTexts.has(formatCidr(cidr)));
        const table = LpmTable.from([...gone, ...kept].map((cidr) => [cidr, formatCidr(cidr)] as const));
        for (const cidr of gone) table.remove(cidr);
        const changes = [
          ...[...gone, ...kept].map((cidr) => `route add ${formatCidr(cidr)} dev lo`),
          ...gone.map((cidr) => `route del ${formatCidr(cidr)} dev lo`),
        ];
        const addresses = [...probes, ...kept.map((cidr) => ({ version, value: cidr.first }))].filter(
          (address) => address.value !== 0n && address.value !== lastAddress(cidrAround(address, 0)).value,
        );
        const answers = askKernel(version, changes, addresses);
        expect(addresses.map((address) => table.lookup(address)?.value ?? null)).toEqual(answers);
        compared += answers.length;
      }),
      { numRuns: 8 },
    );
    expect(compared).toBeGreaterThan(1000);
  });
});

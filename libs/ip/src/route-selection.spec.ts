import fc from 'fast-check';
import { type Address, addressOf, parseAddress } from './address.js';
import { type Cidr, cidrAround, containsAddress, parseCidr } from './cidr.js';
import {
  compileRoutes,
  effectiveRoutes,
  isPropagated,
  ROUTE_ORIGINS,
  type Route,
  type RouteOrigin,
  selectRoute,
} from './route-selection.js';

function route(destination: string, origin: RouteOrigin, target: string, state: Route['state'] = 'active'): Route {
  return { destination: parseCidr(destination), origin, target, state };
}

const choose = (routes: Route[], destination: string) => {
  const { outcome, route: chosen } = selectRoute(routes, parseAddress(destination));
  return [outcome, chosen?.target];
};

/** A world of 32 addresses of each version: every address of it can be asked about. */
const worlds: readonly Cidr[] = [parseCidr('10.0.0.0/27'), parseCidr('fd00::/123')];
const everyAddress: readonly Address[] = worlds.flatMap((world) =>
  Array.from({ length: 32 }, (_, offset) => addressOf(world.version, world.first + BigInt(offset))),
);
const anyRoute: fc.Arbitrary<Route> = fc
  .record({
    world: fc.constantFrom(...worlds),
    offset: fc.nat(31),
    length: fc.nat(5),
    origin: fc.constantFrom(...ROUTE_ORIGINS),
    state: fc.constantFrom<Route['state']>('active', 'blackhole'),
    target: fc.constantFrom('igw-1', 'nat-2', 'vgw-3'),
  })
  .map(({ world, offset, length, ...rest }) => ({
    destination: cidrAround(addressOf(world.version, world.first + BigInt(offset)), world.prefixLength + length),
    ...rest,
  }));
const anyTable = fc.uniqueArray(anyRoute, {
  maxLength: 12,
  selector: (r) =>
    `${r.destination.version} ${r.destination.first}/${r.destination.prefixLength} ${r.origin} ${r.target}`,
});

/** The rules as they are written in the user guide, a step at a time, without a sort. */
function byTheBook(routes: readonly Route[], destination: Address): Route | null {
  let left = routes.filter((r) => containsAddress(r.destination, destination));
  if (left.some((r) => r.origin === 'local')) {
    left = left.filter((r) => !['direct-link-bgp', 'vpn-static', 'vpn-bgp'].includes(r.origin));
  }
  const longest = Math.max(...left.map((r) => r.destination.prefixLength));
  left = left.filter((r) => r.destination.prefixLength === longest);
  for (const origin of ['local', 'static', 'prefix-list', 'direct-link-bgp', 'vpn-static', 'vpn-bgp']) {
    const ofOrigin = left.filter((r) => r.origin === origin);
    for (const target of ['igw-1', 'nat-2', 'vgw-3']) {
      const found = ofOrigin.find((r) => r.target === target);
      if (found) return found;
    }
  }
  return null;
}

describe('the choice of a route', () => {
  it('takes the longest prefix', () => {
    const table = [
      route('0.0.0.0/0', 'static', 'igw-1'),
      route('10.0.0.0/16', 'local', 'local'),
      route('10.0.1.0/24', 'static', 'eni-1'),
      route('172.16.0.0/12', 'vpn-bgp', 'vgw-1'),
      route('172.16.5.0/24', 'vpn-bgp', 'vgw-2'),
    ];
    expect(choose(table, '8.8.8.8')).toEqual(['forward', 'igw-1']);
    expect(choose(table, '10.0.2.1')).toEqual(['forward', 'local']);
    expect(choose(table, '10.0.1.1')).toEqual(['forward', 'eni-1']);
    expect(choose(table, '172.16.5.1')).toEqual(['forward', 'vgw-2']);
    expect(choose(table, '172.16.6.1')).toEqual(['forward', 'vgw-1']);
    expect(choose(table, 'fd00::1')).toEqual(['unreachable', undefined]);
  });

  it('prefers origins in their order, however the routes are listed', () => {
    const origins = [...ROUTE_ORIGINS];
    fc.assert(
      fc.property(fc.shuffledSubarray(origins, { minLength: 1 }), (present) => {
        const table = present.map((origin) => route('172.16.0.0/16', origin, origin));
        const best = origins.find((origin) => present.includes(origin));
        expect(choose(table, '172.16.0.1')).toEqual(['forward', best]);
      }),
    );
    expect(origins.filter(isPropagated)).toEqual(['direct-link-bgp', 'vpn-static', 'vpn-bgp']);
  });

  it('lets a local route beat more specific propagated ones, but not more specific static ones', () => {
    const table = [
      route('10.0.0.0/16', 'local', 'local'),
      route('10.0.5.0/24', 'direct-link-bgp', 'dxl-1'),
      route('10.0.5.7/32', 'vpn-static', 'vgw-1'),
      route('10.0.6.0/24', 'static', 'eni-1'),
      route('10.0.6.0/25', 'vpn-bgp', 'vgw-2'),
      route('10.0.0.0/8', 'vpn-bgp', 'vgw-3'),
    ];
    expect(choose(table, '10.0.5.7')).toEqual(['forward', 'local']);
    expect(choose(table, '10.0.6.1')).toEqual(['forward', 'eni-1']);
    expect(choose(table, '10.1.0.1')).toEqual(['forward', 'vgw-3']);
    expect(selectRoute(table, parseAddress('10.0.6.1')).considered.map((r) => r.target)).toEqual([
      'eni-1',
      'local',
      'vgw-2',
      'vgw-3',
    ]);
  });

  it('drops what a blackhole attracts instead of falling back', () => {
    const table = [
      route('0.0.0.0/0', 'static', 'igw-1'),
      route('172.16.0.0/16', 'static', 'nat-1', 'blackhole'),
      route('172.16.0.0/16', 'vpn-bgp', 'vgw-1'),
    ];
    expect(choose(table, '172.16.9.9')).toEqual(['drop', 'nat-1']);
    expect(choose(table, '172.17.9.9')).toEqual(['forward', 'igw-1']);
  });

  it('agrees with the rules taken one after the other, for every address', () => {
    fc.assert(
      fc.property(anyTable, (routes) => {
        const compiled = compileRoutes(routes);
        const expected = everyAddress.map((destination) => byTheBook(routes, destination));
        const choices = everyAddress.map((destination) => selectRoute(routes, destination));
        expect(choices.map((choice) => choice.route)).toEqual(expected);
        expect(choices.map((choice) => choice.outcome)).toEqual(
          expected.map((r) => (r === null ? 'unreachable' : r.state === 'active' ? 'forward' : 'drop')),
        );
        expect(choices.map((choice) => choice.considered.length)).toEqual(
          everyAddress.map((a) => routes.filter((r) => containsAddress(r.destination, a)).length),
        );
        expect(everyAddress.map((destination) => compiled.lookup(destination)?.value ?? null)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});

describe('effective routes', () => {
  it('are shadowed exactly when no address uses them', () => {
    fc.assert(
      fc.property(anyTable, (routes) => {
        const used = new Set(everyAddress.map((address) => byTheBook(routes, address)));
        const effective = effectiveRoutes(routes);
        expect(new Set(effective.map((one) => one.route))).toEqual(new Set(routes));
        for (const { route: one, use, shadowedBy } of effective) {
          expect(use).toBe(!used.has(one) ? 'shadowed' : one.state === 'active' ? 'forward' : 'drop');
          expect(shadowedBy.length > 0).toBe(use === 'shadowed');
          expect(shadowedBy).not.toContain(one);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('say what shadows a route', () => {
    const local = route('10.0.0.0/16', 'local', 'local');
    const leaked = route('10.0.1.0/24', 'vpn-bgp', 'vgw-1');
    const left = route('0.0.0.0/1', 'static', 'igw-1');
    const right = route('128.0.0.0/1', 'static', 'nat-1', 'blackhole');
    const everything = route('0.0.0.0/0', 'vpn-static', 'vgw-1');
    const second = route('128.0.0.0/1', 'vpn-bgp', 'vgw-2');
    expect(effectiveRoutes([second, everything, right, leaked, left, local])).toEqual([
      { route: everything, use: 'shadowed', shadowedBy: [left, right] },
      { route: left, use: 'forward', shadowedBy: [] },
      { route: local, use: 'forward', shadowedBy: [] },
      { route: leaked, use: 'shadowed', shadowedBy: [local] },
      { route: right, use: 'drop', shadowedBy: [] },
      { route: second, use: 'shadowed', shadowedBy: [right] },
    ]);
  });

  it('names the preferred one of two local routes of one block', () => {
    const [first, second] = [route('10.0.0.0/16', 'local', 'local-1'), route('10.0.0.0/16', 'local', 'local-2')];
    const leaked = route('10.0.1.0/24', 'vpn-bgp', 'vgw-1');
    expect(effectiveRoutes([leaked, second, first])).toEqual([
      { route: first, use: 'forward', shadowedBy: [] },
      { route: second, use: 'shadowed', shadowedBy: [first] },
      { route: leaked, use: 'shadowed', shadowedBy: [first] },
    ]);
  });

  it('does not depend on the order of the table', () => {
    fc.assert(
      fc.property(
        anyTable.chain((routes) =>
          fc.tuple(
            fc.constant(routes),
            fc.shuffledSubarray(routes, { minLength: routes.length, maxLength: routes.length }),
          ),
        ),
        ([routes, shuffled]) => {
          expect(effectiveRoutes(shuffled)).toEqual(effectiveRoutes(routes));
        },
      ),
    );
  });
});

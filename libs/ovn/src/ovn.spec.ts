import fc from 'fast-check';
import { insertOperations } from './insert-operations.js';
import { linkLocalOf, macOf, uuidNameOf } from './names.js';

describe('names', () => {
  it('of rows are identifiers, and two never become one', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary-ascii', minLength: 1 }),
        fc.string({ unit: 'binary-ascii' }),
        (one, other) => {
          expect(`r${uuidNameOf(one)}`).toMatch(/^[A-Za-z_][A-Za-z0-9_]*$/);
          expect(uuidNameOf(one) === uuidNameOf(other)).toBe(one === other);
        },
      ),
      {
        examples: [
          ['a-b', 'a_b'],
          ['a.b', 'a_2ex'],
          ['1.2', '1_2'],
          ['::', '_3ax_3ax'],
          ['a_5fxb', 'a_b'],
        ],
      },
    );
  });

  it('of ports give unicast, locally administered hardware addresses that never change', () => {
    expect(macOf('lrp-subnet-65000000000000001')).toBe('0a:e3:b3:3c:da:2a');
    fc.assert(
      fc.property(fc.string(), (name) => {
        expect(macOf(name)).toMatch(/^0a(:[0-9a-f]{2}){5}$/);
      }),
    );
  });

  it('give the link-local address of RFC 4291, appendix A', () => {
    expect(linkLocalOf('34:56:78:9a:bc:de')).toBe('fe80::3656:78ff:fe9a:bcde');
    expect(linkLocalOf('02:00:00:00:00:01')).toBe('fe80::ff:fe00:1');
  });
});

it('values are written as RFC 7047, section 5.1, has them', () => {
  const [operation] = insertOperations([
    {
      table: 'Logical_Switch',
      uuidName: 'a',
      columns: { name: 'a', ports: [{ namedUuid: 'b' }], external_ids: { namedUuid: 'x', k: 'v' } },
    },
  ]);
  expect(operation).toEqual({
    op: 'insert',
    table: 'Logical_Switch',
    'uuid-name': 'a',
    row: {
      name: 'a',
      ports: ['set', [['named-uuid', 'b']]],
      external_ids: [
        'map',
        [
          ['namedUuid', 'x'],
          ['k', 'v'],
        ],
      ],
    },
  });
});

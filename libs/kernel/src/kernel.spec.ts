import fc from 'fast-check';
import { canonicalJson, type JsonValue } from './canonical-json.js';
import { ID_PREFIXES, isId, newId, parseId, type ResourceKind } from './ids.js';

const text = (value: JsonValue) => new TextDecoder().decode(canonicalJson(value));

describe('canonical JSON (RFC 8785)', () => {
  it('writes the example of RFC 8785 section 3.2.3', () => {
    expect(
      text({
        '€': 'Euro Sign',
        '\r': 'Carriage Return',
        '\ufb33': 'Hebrew',
        '1': 'One',
        '😀': 'Smile',
        '\u0080': 'Control',
        ö: 'o',
      }),
    ).toBe(
      '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"o","€":"Euro Sign","😀":"Smile","\ufb33":"Hebrew"}',
    );
  });

  it('does not depend on the order of members and survives a round trip', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'grapheme' }), fc.oneof(fc.integer(), fc.string(), fc.boolean())),
        (object) => {
          const reversed = Object.fromEntries(Object.entries(object).reverse());
          expect(text(reversed)).toBe(text(object));
          expect(text(JSON.parse(text(object)))).toBe(text(object));
        },
      ),
    );
  });

  it.each([
    ['a lone surrogate', { a: '\ud800' }],
    ['an unsafe integer', { a: 2 ** 53 }],
    ['not a number', { a: Number.NaN }],
    ['undefined', { a: undefined }],
    ['a date', { a: new Date(0) }],
  ])('refuses %s', (_name, value) => {
    expect(() => canonicalJson(value as unknown as JsonValue)).toThrow(/JSON form|lone surrogate/);
  });
});

describe('ids', () => {
  it('are recognised by their own kind alone', () => {
    const kinds = Object.keys(ID_PREFIXES) as ResourceKind[];
    for (const kind of kinds) {
      const id = newId(kind);
      for (const other of kinds) expect(isId(other, id)).toBe(other === kind);
    }
  });

  it('carry the second they were made in', () => {
    expect(newId('vpc', 0x65_00_00_00 * 1000)).toMatch(/^vpc-65000000[0-9a-f]{9}$/);
  });

  it('name the field and the fix when they are malformed', () => {
    expect(() => parseId('subnet', 'vpc-0123456789abcdef0', '/subnetId')).toThrow('/subnetId: not an id of a subnet');
  });
});

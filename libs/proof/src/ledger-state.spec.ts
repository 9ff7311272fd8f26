import { readLedgerState, type StateLine } from './ledger-state.js';

const HEADER = { type: 'freehold-state', v: 1, tenant: 'tnt-1', tenantSeq: 3, entryId: 'led-1', pending: ['led-2'] };
const RESOURCE = { type: 'resource', resource: { type: 'vpc', id: 'vpc-1', version: 1 }, state: { name: 'ä' } };
const END = { type: 'end', resources: 1 };

const bytesOf = (...lines: unknown[]) => Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));

async function read(...chunks: Uint8Array[]): Promise<StateLine[]> {
  const lines: StateLine[] = [];
  for await (const line of readLedgerState(chunks)) lines.push(line);
  return lines;
}

describe('a state', () => {
  it('is read line by line, however its bytes come', async () => {
    const whole = bytesOf(HEADER, RESOURCE, END);
    const { type: _type, v: _v, ...header } = HEADER;
    const expected = [
      { type: 'header', header },
      { type: 'resource', record: { type: 'vpc', id: 'vpc-1', version: 1, state: { name: 'ä' } } },
      { type: 'end', resources: 1 },
    ];
    expect(await read(whole)).toEqual(expected);
    expect(await read(...[...whole].map((byte) => Uint8Array.of(byte)))).toEqual(expected);
  });

  it.each([
    ['without its end', bytesOf(HEADER, RESOURCE), /cut off/],
    ['cut off in a line', bytesOf(HEADER, RESOURCE, END).subarray(0, -5), /cut off/],
    ['with a resource too few', bytesOf(HEADER, END), /1 resources are due, 0/],
    ['that goes on after its end', bytesOf(HEADER, RESOURCE, END, RESOURCE), /after its end/],
    ['without a header', bytesOf(RESOURCE, END), /may not stand here/],
    ['with two headers', bytesOf(HEADER, HEADER, END), /may not stand here/],
    ['with a line of no known type', bytesOf(HEADER, { type: 'x' }), /no known type/],
    ['that is not JSON', Buffer.from('{\n'), /not JSON/],
    ['of another version', bytesOf({ ...HEADER, v: 2 }), /version 1/],
    ['with a surplus member', bytesOf(HEADER, { ...RESOURCE, more: 1 }), /may not have/],
    ['with a resource without a state', bytesOf(HEADER, { ...RESOURCE, state: null }), /version 1/],
    ['with an endless line', Buffer.alloc(3 << 20, 0x20), /longer than/],
    ['that is empty', new Uint8Array(0), /cut off/],
  ])('%s is refused', async (_what, bytes, message) => {
    await expect(read(bytes)).rejects.toThrow(message);
  });
});

import fc from 'fast-check';
import { lastSeenVersion, serverSentEvent } from './event-stream.js';

/** Reads a stream as the WHATWG standard says: lines, fields, an event at each empty line. */
function readEvents(text: string): { id: string; event: string; data: string }[] {
  const events = [];
  let fields: Record<string, string> = {};
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (line === '') {
      if (fields.data !== undefined) events.push(fields as { id: string; event: string; data: string });
      fields = {};
    } else if (!line.startsWith(':')) {
      const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      fields[name] = value;
    }
  }
  return events;
}

describe('serverSentEvent', () => {
  it('carries any JSON whole', () => {
    fc.assert(
      fc.property(fc.nat(), fc.jsonValue(), (id, data) => {
        const [event, ...more] = readEvents(serverSentEvent('operation', id, data));
        expect(more).toEqual([]);
        expect(event).toMatchObject({ id: String(id), event: 'operation' });
        expect(JSON.stringify(JSON.parse(event?.data ?? ''))).toBe(JSON.stringify(data));
      }),
    );
  });
});

describe('lastSeenVersion', () => {
  it.each([
    [undefined, 7, 0],
    ['', 7, 0],
    ['3', 7, 3],
    ['7', 7, 7],
    ['8', 7, 0],
    ['-1', 7, 0],
    ['1e3', 7, 0],
    ['99999999999', 7, 0],
    [['3', '4'], 7, 0],
  ])('%p at version %p is %p', (header, current, seen) => {
    expect(lastSeenVersion(header, current)).toBe(seen);
  });
});

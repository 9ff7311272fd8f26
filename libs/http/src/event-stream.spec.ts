import fc from 'fast-check';
import { HEARTBEAT, RETRY_LINE, serverSentEvent, startingAt } from './event-stream.js';

interface ReadEvent {
  id: string;
  event: string;
  data: string;
}

/** Reads a stream as the WHATWG standard says: lines, fields, an event at each empty line. */
function readEvents(text: string): { events: ReadEvent[]; lastId: string } {
  const events: ReadEvent[] = [];
  let fields: Record<string, string> = {};
  let lastId = '';
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (line === '') {
      lastId = fields.id ?? lastId;
      if (fields.data !== undefined) events.push({ event: 'message', ...fields, id: lastId } as ReadEvent);
      fields = {};
    } else if (!line.startsWith(':')) {
      const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      fields[name] = value;
    }
  }
  return { events, lastId };
}

describe('serverSentEvent', () => {
  it('carries any JSON whole', () => {
    fc.assert(
      fc.property(fc.nat(), fc.jsonValue(), (id, data) => {
        const [event, ...more] = readEvents(serverSentEvent('operation', id, data)).events;
        expect(more).toEqual([]);
        expect(event).toMatchObject({ id: String(id), event: 'operation' });
        expect(JSON.stringify(JSON.parse(event?.data ?? ''))).toBe(JSON.stringify(data));
      }),
    );
  });
});

describe('what is no event', () => {
  it('gives none, and only a start moves the id', () => {
    expect(readEvents(RETRY_LINE + startingAt(7) + HEARTBEAT)).toEqual({ events: [], lastId: '7' });
  });
});

import fc from 'fast-check';
import { eventsOf, type StreamedEvent } from './event-stream.js';

async function* cutAt(text: string, cuts: readonly number[]): AsyncIterable<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let from = 0;
  for (const cut of [...cuts.map((at) => at % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)) {
    yield bytes.subarray(from, cut);
    from = cut;
  }
}

async function read(text: string, cuts: readonly number[] = []): Promise<StreamedEvent[]> {
  const events: StreamedEvent[] = [];
  for await (const event of eventsOf(cutAt(text, cuts))) events.push(event);
  return events;
}

describe('a stream of events', () => {
  it('is the same wherever the network cuts it', async () => {
    const events = fc.array(fc.record({ id: fc.nat(), data: fc.json() }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(events, fc.array(fc.nat(), { maxLength: 10 }), async (given, cuts) => {
        const text = given.map(({ id, data }) => `id: ${id}\nevent: e\ndata: ${data}\n\n`).join('');
        expect(await read(text, cuts)).toEqual(given.map(({ id, data }) => ({ id: String(id), data })));
      }),
    );
  });

  it('tells an id that comes alone once, and nothing of comments, of retry and of what is not whole', async () => {
    const text = 'retry: 1000\n\nid: 4\n\n: heartbeat\n\nid: 5\ndata: {}\n\n: heartbeat\n\nid: 6\ndata: {"cut';
    expect(await read(text)).toEqual([
      { id: '4', data: null },
      { id: '5', data: '{}' },
    ]);
  });
});

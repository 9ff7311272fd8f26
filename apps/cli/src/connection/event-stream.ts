/** What stands in a stream between two empty lines: an event, or an id alone, whose data is null. */
export interface StreamedEvent {
  id: string | undefined;
  data: string | null;
}

/** The events of a text/event-stream (HTML Living Standard, 9.2). Comments and other fields are left out. */
export async function* eventsOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<StreamedEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let id: string | undefined;
  let told: string | undefined;
  let data: string[] = [];
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    rest = lines.pop()!;
    for (const line of lines) {
      const [, field, value = ''] = /^([a-z]+):? ?(.*)$/.exec(line) ?? [];
      if (field === 'id') id = value;
      if (field === 'data') data.push(value);
      if (line !== '') continue;
      if (data.length > 0 || id !== told) yield { id, data: data.length > 0 ? data.join('\n') : null };
      told = id;
      data = [];
    }
  }
}

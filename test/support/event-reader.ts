import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';

/** One event of a stream, its data parsed. */
export interface StreamEvent {
  id: string;
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: events of every kind
  data: any;
}

/** A client of a stream of server-sent events that keeps all it was sent. Each has a connection of its own. */
export class EventReader {
  readonly events: StreamEvent[] = [];
  text = '';
  ended = false;

  private constructor(private readonly reply: IncomingMessage) {}

  static async open(url: string, apiKey: string | null, headers: Record<string, string> = {}): Promise<EventReader> {
    const sent = apiKey === null ? headers : { authorization: `Bearer ${apiKey}`, ...headers };
    const [reply] = (await once(get(url, { agent: false, headers: sent }), 'response')) as [IncomingMessage];
    const reader = new EventReader(reply);
    void reader.read();
    return reader;
  }

  get status(): number | undefined {
    return this.reply.statusCode;
  }

  get contentType(): string | undefined {
    return this.reply.headers['content-type'];
  }

  /** What a client sends as Last-Event-ID when it comes again. */
  get lastId(): string | undefined {
    return [...this.text.matchAll(/^id: (\d+)$/gm)].at(-1)?.[1];
  }

  leave(): void {
    this.reply.destroy();
  }

  private async read(): Promise<void> {
    let rest = '';
    try {
      for await (const text of this.reply.setEncoding('utf8')) {
        this.text += text;
        const parts = (rest + text).split('\n\n');
        rest = parts.pop() ?? '';
        for (const part of parts) this.take(part);
      }
    } catch {
      // The connection went away, which ends a stream like any other end.
    }
    this.ended = true;
  }

  private take(part: string): void {
    const [, id = '', event = '', data] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(part) ?? [];
    if (data !== undefined) this.events.push({ id, event, data: JSON.parse(data) });
  }
}

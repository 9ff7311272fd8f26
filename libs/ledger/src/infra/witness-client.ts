import { formatAddCheckpoint, parseTreeSize, TREE_SIZE_TYPE } from '#merkle';
import type { WitnessState } from '../domain/witness.js';

/** What a witness said, before anything of it is believed. */
export type WitnessAnswer =
  | { kind: 'signed'; lines: string }
  /** It has cosigned another size than it was told. */
  | { kind: 'stale'; size: number }
  | { kind: 'refused'; state: WitnessState; reason: string };

export interface WitnessQuestion {
  url: string;
  oldSize: number;
  proof: Uint8Array[];
  checkpoint: string;
}

/** A reply is signature lines, a number or a sentence; what is longer is not read. */
const MAX_REPLY_BYTES = 64 << 10;

/** Asks witnesses over HTTP (c2sp.org/tlog-witness). A redirect is not followed: the address is the operator's. */
export class WitnessClient {
  constructor(private readonly timeoutMs: number) {}

  /** Never throws; ends early when `stop` does. */
  async ask({ url, ...request }: WitnessQuestion, stop: AbortSignal): Promise<WitnessAnswer> {
    try {
      const reply = await fetch(`${url}/add-checkpoint`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        body: formatAddCheckpoint(request),
        redirect: 'error',
        signal: AbortSignal.any([stop, AbortSignal.timeout(this.timeoutMs)]),
      });
      return interpret(reply.status, reply.headers.get('content-type'), await readShort(reply));
    } catch (error) {
      return { kind: 'refused', state: 'unreachable', reason: reasonOf(error) };
    }
  }
}

function interpret(status: number, type: string | null, body: string): WitnessAnswer {
  if (status === 200) return { kind: 'signed', lines: body };
  if (status === 409 && type?.split(';', 1)[0]?.trim() === TREE_SIZE_TYPE) {
    return { kind: 'stale', size: parseTreeSize(body) };
  }
  const refused = REFUSALS[status];
  if (refused) return { kind: 'refused', ...refused };
  return { kind: 'refused', state: 'unreachable', reason: `it answers with the status ${status}` };
}

const REFUSALS: Record<number, { state: WitnessState; reason: string }> = {
  400: { state: 'refusing', reason: 'it calls the request malformed' },
  403: { state: 'refusing', reason: "it does not know the log's key" },
  404: { state: 'refusing', reason: 'it does not know the log' },
  409: { state: 'alarm', reason: 'it has cosigned another head of the same size' },
  422: { state: 'alarm', reason: 'it says that the log does not continue what it cosigned' },
};

async function readShort(reply: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of reply.body ?? []) {
    length += chunk.length;
    if (length > MAX_REPLY_BYTES) throw new Error('it answers with more than a reply can be');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** One line; fetch says what happened in the cause. */
function reasonOf(error: unknown): string {
  const { name, message = 'it cannot be asked', cause } = error as Partial<Error>;
  if (name === 'TimeoutError') return 'it does not answer in time';
  const { code, message: deeper } = (cause ?? {}) as Partial<Error> & { code?: string };
  return (code ?? deeper ?? message).replace(/\s+/g, ' ').slice(0, 200);
}

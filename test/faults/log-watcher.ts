import { setTimeout as delay } from 'node:timers/promises';
import { fromUtf8, parseCheckpoint, parseVkey, toHex, verifyNote } from '#merkle';
import { nodeCrypto } from '#proof';

const ASK_EVERY_MS = 150;
const ANSWER_WITHIN_MS = 3_000;
const NOT_OF_THE_LOG = ['FormatError', 'NoteSignatureError'];

/** Somebody outside who keeps every checkpoint that the open log ever showed: two histories would show. */
export class LogWatcher {
  /** Every head that was shown, by its size. */
  readonly heads = new Map<number, { note: string; root: string }>();
  readonly complaints: string[] = [];
  private readonly stopping = new AbortController();
  private loops: Promise<void>[] = [];
  private vkey: string | null = null;

  constructor(private readonly apiUrls: readonly string[]) {}

  start(): void {
    this.loops = this.apiUrls.map((url) => this.watch(url));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.loops);
  }

  /** The log's key as it was first seen: from then on it is pinned. */
  get pinnedKey(): string {
    if (this.vkey === null) throw new Error('the log was never seen');
    return this.vkey;
  }

  private async watch(url: string): Promise<void> {
    let newest = 0;
    while (!this.stopping.signal.aborted) {
      const size = await this.look(url).catch((error: Error) => {
        // A service that is down is what this is about; a note that does not verify is not.
        if (NOT_OF_THE_LOG.includes(error.name)) this.complaints.push(`${url}: ${error.message}`);
        return null;
      });
      if (size !== null && size < newest) this.complaints.push(`${url} showed ${newest} entries, and then ${size}`);
      newest = Math.max(newest, size ?? 0);
      await delay(ASK_EVERY_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  private async look(url: string): Promise<number | null> {
    this.vkey ??= ((await (await this.ask(`${url}/v1/log`)).json()) as { vkey: string }).vkey;
    const reply = await this.ask(`${url}/v1/log/checkpoint`);
    if (!reply.ok) return null;
    const note = fromUtf8(new Uint8Array(await reply.arrayBuffer()));
    const { text } = await verifyNote(note, [parseVkey(nodeCrypto.sha256, this.vkey)], nodeCrypto.ed25519Verify);
    const checkpoint = parseCheckpoint(text);
    const { size } = checkpoint;
    const root = toHex(checkpoint.root);
    const known = this.heads.get(size);
    if (!known) this.heads.set(size, { note, root });
    else if (known.root !== root) {
      this.complaints.push(`the log signed two roots for ${size} entries: it has two histories`);
    }
    return size;
  }

  private ask(url: string): Promise<Response> {
    return fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  }
}

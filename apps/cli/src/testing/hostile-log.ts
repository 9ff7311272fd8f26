import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseTilePath, type Tile, tilePath, tilesOfTree } from '#merkle';
import { nodeCrypto, parseBody, signPromise } from '#proof';
import { RotatingLog } from '../../../../libs/proof/src/testing/rotating-log.js';
import { joined, type SampleLog } from '../../../../libs/proof/src/testing/sample-log.js';

/** A log's API that answers as a test wants it to: of this history or another, up to any size, with or without receipts. */
export class HostileLog {
  /** What is shown; a test puts another history in its place. */
  log: SampleLog;
  /** How much of it is shown. */
  size: number;
  /** Lines under the checkpoint. */
  cosign: (note: string) => string = (note) => note;
  hidden = new Set<string>();
  /** Answers in place of what it would say, by path. */
  readonly said = new Map<string, { status: number; body: string }>();
  private readonly server: Server;

  private constructor(log: SampleLog) {
    this.log = log;
    this.size = log.size;
    this.server = createServer((request, response) => {
      void this.answer(request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
    });
  }

  static async start(log: SampleLog): Promise<HostileLog> {
    const made = new HostileLog(log);
    await new Promise<void>((resolve) => made.server.listen(0, '127.0.0.1', () => resolve()));
    return made;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What a change's reply would carry. */
  promise(entryId: string, body: Uint8Array, deadline: number): string {
    const { key, signer, origin } = this.log;
    const { tenant } = parseBody(body);
    return signPromise(key, signer.sign, { origin, tenant, entryId, bodyHash: nodeCrypto.sha256(body), deadline });
  }

  async checkpoint(): Promise<string> {
    return this.cosign(await this.log.checkpoint(this.size));
  }

  private async answer({ url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = url.split('?', 1)[0]!;
    const said = this.said.get(path);
    if (said) return void response.writeHead(said.status).end(said.body);
    const { origin, vkey } = this.log;
    const json = (value: unknown, status = 200) => void response.writeHead(status).end(JSON.stringify(value));
    if (path === '/v1/log') return json({ origin, vkey });
    if (path === '/v1/log/keys') {
      const links = this.log instanceof RotatingLog ? await this.log.links(this.size) : [];
      return json({ keys: [], links, checkpoint: await this.checkpoint() });
    }
    if (path === '/v1/log/checkpoint') return void response.end(await this.checkpoint());
    if (path === '/v1/log/checkpoint/witnessed') return json({ code: 'NotWitnessed' }, 409);
    if (path === '/v1/ledger/bundle') return void response.end(joined(await this.bundle()));
    if (path.startsWith('/v1/log/tile/')) return this.tile(path.slice('/v1/log/'.length), response);
    const [, entryId] = /^\/v1\/ledger\/entries\/([^/]+)\/receipt$/.exec(path) ?? [];
    const index = this.log.entries.findIndex(({ id }) => id === entryId);
    if (index < 0 || this.hidden.has(entryId!)) return json({ code: 'NotFound' }, 404);
    if (index >= this.size) return json({ code: 'ReceiptNotReady' }, 409);
    json(await this.log.receipt(index, this.size));
  }

  private tile(path: string, response: ServerResponse): void {
    const tile = parseTilePath(path) as Tile & { kind: string };
    const known = [...tilesOfTree(this.size)].some((one) => tilePath(one) === path || isPrefix(tile, one));
    const bytes = known ? this.log.storedTile(tile.level, tile.index) : null;
    if (!bytes) return void response.writeHead(404).end(JSON.stringify({ code: 'NotFound' }));
    response.end(Buffer.from(bytes.subarray(0, tile.width * 32)));
  }

  private bundle(): Promise<Uint8Array[]> {
    const hide = [...this.hidden].map((id) => this.log.entries.findIndex((entry) => entry.id === id));
    return this.log.bundle(this.log.tenants[0]!, { hide: hide.filter((index) => index >= 0) });
  }
}

function isPrefix(tile: Tile, whole: Tile): boolean {
  return tile.level === whole.level && tile.index === whole.index && tile.width <= whole.width;
}

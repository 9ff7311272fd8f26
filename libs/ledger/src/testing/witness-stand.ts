import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { COSIGNATURE_V1, cosignatureLine, formatVkey, noteKey, parseAddCheckpoint, parseNote } from '#merkle';
import { nodeCrypto } from '#proof';
import { Witness } from '../../../../apps/cli/src/witness/witness.js';
import { WitnessFolder } from '../../../../apps/cli/src/witness/witness-folder.js';
import { serveWitness, type WitnessServer } from '../../../../apps/cli/src/witness/witness-server.js';
import { derived, signingKey } from '../../../proof/src/testing/sample-log.js';

/** A real witness that a test starts and stops; it keeps its folder and its port. */
export class StandingWitness {
  private server: WitnessServer | null = null;
  private port = 0;

  private constructor(readonly folder: WitnessFolder) {}

  static async make(root: string, name: string, logVkey: string): Promise<StandingWitness> {
    const folder = await WitnessFolder.init(join(root, name), `witness.example/${name}`);
    await folder.addLog([logVkey]);
    const made = new StandingWitness(folder);
    await made.start();
    return made;
  }

  async start(): Promise<void> {
    const witness = await Witness.open(this.folder);
    const failed = (error: unknown) => console.error(error);
    this.server = await serveWitness(witness, { port: this.port, host: '127.0.0.1', failed });
    this.port = Number(new URL(this.server.url).port);
  }

  async stop(): Promise<void> {
    await this.server?.close();
    this.server = null;
  }

  get setting() {
    return { vkey: this.folder.vkey, url: `http://127.0.0.1:${this.port}` };
  }

  async size(): Promise<number> {
    return (await this.folder.heads())[0]!.size;
  }
}

/** A party that says it is a witness and answers as a test scripts it. */
export class HostileWitness {
  readonly seen: ReturnType<typeof parseAddCheckpoint>[] = [];
  private readonly pair;
  private readonly key;
  private readonly server: Server;

  private constructor(
    name: string,
    answer: (witness: HostileWitness, response: ServerResponse) => void | Promise<void>,
  ) {
    this.pair = signingKey(derived(`hostile ${name}`));
    this.key = noteKey(nodeCrypto.sha256, `witness.example/${name}`, this.pair.publicKey, COSIGNATURE_V1);
    this.server = createServer(async (request: IncomingMessage, response) => {
      let body = '';
      for await (const chunk of request.setEncoding('utf8')) body += chunk;
      this.seen.push(parseAddCheckpoint(body));
      await answer(this, response);
    });
  }

  static async make(
    name: string,
    answer: (witness: HostileWitness, response: ServerResponse) => void | Promise<void>,
  ): Promise<HostileWitness> {
    const made = new HostileWitness(name, answer);
    await new Promise<void>((resolve) => made.server.listen(0, '127.0.0.1', () => resolve()));
    return made;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  get setting() {
    return { vkey: formatVkey(this.key), url: `http://127.0.0.1:${(this.server.address() as AddressInfo).port}` };
  }

  /** Its true cosignature under what it was asked for last, or under another text. */
  line({ text, time = Math.floor(Date.now() / 1000) }: { text?: string; time?: number } = {}): string {
    return cosignatureLine(this.key, this.pair.sign, text ?? parseNote(this.seen.at(-1)!.checkpoint).text, time);
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { projectRoot } from '#config';
import { newSigningKeyPem, signerFromPem } from '#dataset';
import { migrateFolder } from '../../apps/cli/src/migrate/migrate-folder.js';
import { MigrationApi } from '../../apps/cli/src/migrate/migration-api.js';
import { restoreDataset } from '../../apps/cli/src/migrate/restore-dataset.js';
import { SegmentTransfer } from '../../apps/cli/src/migrate/segment-transfer.js';
import { folderPicture, type Picture, pictureDifference } from './folder-picture.js';
import type { SeededRandom } from './seeded-random.js';

/** What a move needs, as the child process reads it from the environment. Holds secrets: never on a command line. */
interface MoveOrder {
  apiUrl: string;
  apiKey: string;
  folder: string;
  stateFolder: string;
  recipients: [string, string];
  identities: string[];
  signerPem: string;
}

export const MOVE_VARIABLE = 'MOVE_ORDER';
const DATASET = 'moved';
const PATIENCE_MS = 60_000;
const RESTORE_PATIENCE_MS = 60_000;
/** A move that was interrupted so often is no longer making progress. */
const MOST_RUNS_OF_A_MOVE = 60;

/** The child process: moves the folder once, however long the server is away within its patience. */
export async function moveOnce(order: MoveOrder): Promise<number> {
  const transfer = new SegmentTransfer();
  try {
    const result = await migrateFolder({
      api: new MigrationApi({ url: order.apiUrl, apiKey: order.apiKey, patience: { forMs: PATIENCE_MS } }),
      transfer,
      folder: order.folder,
      datasetName: DATASET,
      recipients: order.recipients,
      noRecovery: false,
      identities: order.identities,
      signer: signerFromPem(order.signerPem),
      stateFolder: order.stateFolder,
      skipUnreadable: false,
      patience: { forMs: PATIENCE_MS },
    });
    process.stdout.write(`${JSON.stringify({ version: result.manifestVersion, continued: result.continued })}\n`);
    return 0;
  } finally {
    transfer.close();
  }
}

export interface MovedVersion {
  manifestVersion: number;
  picture: Picture;
  /** How often the client had to be started for it. */
  runs: number;
}

export interface MovingClientOptions {
  apiUrls: readonly string[];
  apiKey: string;
  folder: string;
  random: SeededRandom;
  /** New bytes in the source before each move. */
  bytesPerMove: number;
}

/**
 * A customer who moves a folder, changes it and moves it again, each time with the real client in a process of its own. A
 * client that was killed or gave up is started again until the move is done.
 */
export class MovingClient {
  readonly versions: MovedVersion[] = [];
  readonly complaints: string[] = [];
  private child: ChildProcess | null = null;
  private stopping = false;
  private abandoned = false;
  private loop: Promise<void> = Promise.resolve();
  private readonly source: string;

  private constructor(
    private readonly options: MovingClientOptions,
    private readonly order: Omit<MoveOrder, 'apiUrl'>,
  ) {
    this.source = order.folder;
  }

  static async prepare(options: MovingClientOptions): Promise<MovingClient> {
    const source = join(options.folder, 'source');
    mkdirSync(source, { recursive: true });
    const identities = [await generateIdentity(), await generateIdentity()];
    return new MovingClient(options, {
      apiKey: options.apiKey,
      folder: source,
      stateFolder: join(options.folder, 'client'),
      recipients: (await Promise.all(identities.map(identityToRecipient))) as [string, string],
      identities,
      signerPem: newSigningKeyPem(),
    });
  }

  start(): void {
    this.loop = this.moveAgainAndAgain().catch((error: Error) => void this.complaints.push(error.message));
  }

  /** The client's process while one runs. */
  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  /** Lets the move under way come to its end. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.loop;
  }

  /** Ends it wherever it is. */
  async abandon(): Promise<void> {
    this.stopping = true;
    this.abandoned = true;
    this.child?.kill('SIGKILL');
    await this.loop;
  }

  /** Brings versions back (the first and the last) and compares; gives what differs. */
  async restoreAndCompare(): Promise<string[]> {
    const wanted = new Set([this.versions[0], this.versions.at(-1)].filter((one) => one !== undefined));
    const transfer = new SegmentTransfer();
    const differences: string[] = [];
    try {
      for (const { manifestVersion, picture } of wanted) {
        const folder = join(this.options.folder, `restored-${manifestVersion}`);
        await restoreDataset({
          api: new MigrationApi({
            url: this.options.apiUrls[0] as string,
            apiKey: this.order.apiKey,
            patience: { forMs: RESTORE_PATIENCE_MS },
          }),
          transfer,
          datasetName: DATASET,
          manifestVersion,
          folder,
          identities: [this.order.identities[1] as string],
          trustedSigners: [signerFromPem(this.order.signerPem).publicKey],
          stateFolder: join(this.options.folder, 'another-machine'),
          allowOutsideLinks: false,
          patience: { forMs: RESTORE_PATIENCE_MS },
        });
        const difference = pictureDifference(picture, folderPicture(folder));
        if (difference) differences.push(`version ${manifestVersion}: ${difference}`);
      }
    } finally {
      transfer.close();
    }
    return differences;
  }

  private async moveAgainAndAgain(): Promise<void> {
    for (let move = 0; !this.stopping; move += 1) {
      this.changeSource(move);
      const picture = folderPicture(this.source);
      this.versions.push({ ...(await this.moveUntilDone()), picture });
    }
  }

  private changeSource(move: number): void {
    const { random, bytesPerMove } = this.options;
    const folder = join(this.source, `part-${move % 3}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'large.bin'), random.bytes(bytesPerMove));
    for (let at = 0; at < 20; at += 1)
      writeFileSync(join(folder, `small-${at}.txt`), `${move} ${random.below(1000)}\n`);
    appendFileSync(join(this.source, 'grows.log'), random.bytes(100_000));
  }

  private async moveUntilDone(): Promise<{ manifestVersion: number; runs: number }> {
    const log = join(this.options.folder, 'client.log');
    for (let runs = 1; runs <= MOST_RUNS_OF_A_MOVE; runs += 1) {
      if (this.abandoned) throw new Error('the move was abandoned');
      const apiUrl = this.options.apiUrls[runs % this.options.apiUrls.length] as string;
      const output = openSync(log, 'a');
      const child = spawn(process.execPath, [join(projectRoot(), 'dist/test/faults/main.js'), 'move'], {
        env: { ...process.env, [MOVE_VARIABLE]: JSON.stringify({ ...this.order, apiUrl } satisfies MoveOrder) },
        stdio: ['ignore', 'pipe', output],
      });
      this.child = child;
      let printed = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        printed += chunk;
      });
      await once(child, 'close');
      this.child = null;
      closeSync(output);
      if (child.exitCode === 0) return { manifestVersion: JSON.parse(printed).version, runs };
    }
    throw new Error(
      `a move did not end after ${MOST_RUNS_OF_A_MOVE} runs; last:\n${readFileSync(log, 'utf8').slice(-2000)}`,
    );
  }
}

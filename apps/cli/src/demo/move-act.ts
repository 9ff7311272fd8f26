import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { newSigningKeyPem, signerFromPem } from '#dataset';
import { showMigrate, showRestore } from '../commands/migrate.js';
import { ApiClient } from '../connection/api-client.js';
import { requireCredential } from '../connection/connect.js';
import { migrateFolder } from '../migrate/migrate-folder.js';
import { MigrationApi } from '../migrate/migration-api.js';
import { restoreDataset } from '../migrate/restore-dataset.js';
import { SegmentTransfer } from '../migrate/segment-transfer.js';
import { formatBytes } from '../output/amounts.js';
import { ProgressBar } from '../output/progress.js';
import type { Terminal } from '../terminal.js';
import { firstDifference } from './compare-folders.js';
import type { DemoNode, DemoTenant, DemoWorld } from './network-act.js';

export interface MoveOutcome {
  bytes: number;
  identical: boolean;
}

interface Move extends DemoWorld {
  terminal: Terminal;
  tenant: DemoTenant;
  nodes: DemoNode[];
  source: string;
}

/** With 4 + 2 shards a stripe, each in another failure domain, any two may go. */
const LOST_NODES = 2;
const PATIENCE = { forMs: 30_000 };

/** Moves a folder in, destroys two storage nodes, brings the folder back somewhere else and compares. */
export async function moveAndBringBack(move: Move): Promise<MoveOutcome> {
  const { stage, folder, tenant, nodes, source } = move;
  const dataset = tenant.scenario.dataset ?? 'demo';
  const identities = [await generateIdentity(), await generateIdentity()];
  const recipients = await Promise.all(identities.map((identity) => identityToRecipient(identity)));
  const signer = signerFromPem(newSigningKeyPem());
  const api = new MigrationApi({ ...requireCredential(tenant.api.connection), patience: PATIENCE });
  const transfer = new SegmentTransfer();
  const bar = new ProgressBar(quietUnlessScreen(move.terminal));
  const common = { api, transfer, datasetName: dataset, patience: PATIENCE };
  try {
    const moved = await stage.step(
      async () => {
        const onProgress = (progress: Parameters<typeof showMigrate>[1]) => showMigrate(bar, progress);
        const options = {
          noRecovery: false,
          identities: [],
          skipUnreadable: false,
          stateFolder: join(folder, 'client'),
        };
        const result = await migrateFolder({ ...common, ...options, folder: source, recipients, signer, onProgress });
        bar.clear();
        return result;
      },
      (result) =>
        `${result.files} files, ${formatBytes(result.bytes)} of ${source}: cut, encrypted here, spread as 4 + 2 shards`,
    );
    const lost = nodes.slice(0, LOST_NODES);
    await stage.step(
      () => Promise.all(lost.map(({ location }) => rm(location, { recursive: true, force: true }))),
      `destroyed ${lost.length} storage nodes: ${lost.map(({ name }) => name).join(', ')}`,
    );
    const target = join(folder, 'restored');
    await stage.step(async () => {
      const onProgress = (progress: Parameters<typeof showRestore>[1]) => showRestore(bar, progress);
      // Another machine, that has nothing but the second identity.
      const elsewhere = {
        stateFolder: join(folder, 'another-machine'),
        identities: [identities[1]!],
        allowOutsideLinks: false,
      };
      await restoreDataset({ ...common, ...elsewhere, folder: target, trustedSigners: [signer.publicKey], onProgress });
      bar.clear();
    }, 'brought everything back with the recovery key alone, from what is left');
    tenant.ledgerEntryId = moved.ledgerEntryId;
    const difference = await stage.step(
      () => firstDifference(source, target),
      (found) => (found === null ? 'compared every byte, name and mode: identical' : `NOT identical: ${found}`),
    );
    await retire(move, lost);
    await rm(target, { recursive: true, force: true });
    return { bytes: moved.bytes, identical: difference === null };
  } finally {
    bar.clear();
    transfer.close();
  }
}

/** What is destroyed takes no more shards. */
async function retire({ url, operatorKey }: DemoWorld, lost: DemoNode[]): Promise<void> {
  const api = new ApiClient({ url, apiKey: operatorKey });
  const body = { status: 'draining' };
  for (const { id } of lost) await api.json({ method: 'PATCH', path: `/v1/system/storage-nodes/${id}`, body });
}

/** The demo's own lines say enough in a log. */
function quietUnlessScreen(terminal: Terminal): Terminal {
  return terminal.errIsTty ? terminal : { ...terminal, err: () => undefined };
}

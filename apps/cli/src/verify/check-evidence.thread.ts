/** The entry of a thread that checks signed requests: a batch in, its verdicts out, in the order of the batches. */
import { parentPort } from 'node:worker_threads';
import { checkEvidenceJob, type EvidenceJob, nodeCrypto } from '#proof';

const port = parentPort;
if (!port) throw new Error('check-evidence.thread is started as a worker thread');

let before: Promise<void> = Promise.resolve();
port.on('message', (jobs: EvidenceJob[]) => {
  const verdicts = Promise.all(jobs.map((job) => checkEvidenceJob(nodeCrypto, job)));
  before = Promise.all([verdicts, before]).then(([given]) => port.postMessage(given));
});

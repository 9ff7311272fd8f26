/** A process of its own that verifies a bundle as `freehold verify` does, so that its memory is nobody else's. */
import { createReadStream } from 'node:fs';
import { nodeCrypto, verifyBundle } from '#proof';
import { EvidenceThreads } from '../../apps/cli/src/verify/evidence-threads.js';
import { PINS } from './bundle-maker.js';

const [file] = process.argv.slice(2);
if (!file) throw new Error('name the bundle');

const threads = new EvidenceThreads();
const from = performance.now();
const report = await verifyBundle(createReadStream(file, { highWaterMark: 1 << 20 }), {
  crypto: nodeCrypto,
  log: PINS.vkey,
  viewKey: PINS.viewKey,
  rootPublicKey: PINS.rootPublicKey,
  checkEvidence: threads.check,
});
const seconds = (performance.now() - from) / 1000;
await threads.close();
const { ok, firstBad, entries, signed, complete } = report;
// Kilobytes, of this process with its threads, at its highest.
const rssMb = process.resourceUsage().maxRSS / 1024;
const { user, system } = process.cpuUsage();
const cpuSeconds = (user + system) / 1e6;
process.stdout.write(`${JSON.stringify({ ok, firstBad, entries, signed, complete, seconds, cpuSeconds, rssMb })}\n`);

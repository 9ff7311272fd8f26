import { randomInt } from 'node:crypto';
import { runCampaign } from '../faults/tampering/run-campaign.js';

const COUNT = 500;
const PATIENCE_MS = 300_000;

it(
  `notices each of ${COUNT} tamperings with rows, receipts and bundles, names the entry, and accuses nothing untouched`,
  async () => {
    const seed = randomInt(2 ** 31);
    const { missed, falseAlarms, kinds, untouched } = await runCampaign(COUNT, seed);
    expect({ seed, missed, falseAlarms }).toEqual({ seed, missed: [], falseAlarms: [] });
    expect(kinds.reduce((sum, { detected }) => sum + detected, 0)).toBe(COUNT);
    expect(kinds.filter(({ tried }) => tried === 0)).toEqual([]);
    expect(untouched).toBeGreaterThan(100);
  },
  PATIENCE_MS,
);

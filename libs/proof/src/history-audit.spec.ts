import { type BundleReport, HistoryAudit, type LedgerBody, nodeCrypto, verifyBundle } from './index.js';
import { SampleLog } from './testing/sample-log.js';

const log = new SampleLog();
const tenant = log.tenants[0]!;
let bundle: BundleReport;

beforeAll(async () => {
  bundle = await verifyBundle(await log.bundle(tenant), { crypto: nodeCrypto, log: log.vkey });
});

/** An audit of a policy that wants everything signed, and of what comes after it; nobody signs any of it. */
function audited(changes: Partial<LedgerBody>[]) {
  const audit = new HistoryAudit(null);
  const policy: Partial<LedgerBody> = {
    action: 'signature-policy.set',
    resource: { type: 'signature-policy', id: tenant, version: 1 },
    after: { mode: 'required', actions: [] },
    time: '2026-11-23T12:00:00.000Z',
  };
  for (const [at, change] of [policy, ...changes].entries()) {
    const body = { ...log.body(tenant, at + 1), ...change };
    audit.entry({ entryId: body.id, seq: at + 1, index: at, body, evidence: false });
  }
  return audit.finish(bundle).unsigned.map(({ justAfterPolicy }) => justAfterPolicy);
}

describe('an entry that nobody signed, though the policy wanted it', () => {
  it('may have been let in before the policy when it came right behind it', () => {
    expect(audited([{ time: '2026-11-23T12:00:59.999Z' }, { time: '2026-11-23T11:59:59.000Z' }])).toEqual([true, true]);
  });

  it('is none of these a minute later', () => {
    expect(audited([{ time: '2026-11-23T12:01:00.000Z' }])).toEqual([false]);
  });

  it('is none of these with a time before that of entries in front of it', () => {
    const changes = [{ time: '2026-11-23T13:00:00.000Z' }, { time: '2026-11-23T12:00:00.000Z' }];
    expect(audited(changes)).toEqual([false, false]);
  });
});

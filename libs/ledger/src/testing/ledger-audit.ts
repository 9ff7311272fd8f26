import pg from 'pg';
import { equalBytes, parseCheckpoint, parseNote, TreeAppender, TreeHasher, toHex, verifyNote } from '#merkle';
import { encodeLeaf, NO_PREVIOUS_LEAF, nodeCrypto } from '#proof';
import { LogIdentity } from '../infra/log-identity.js';
import type { LedgerProcess } from './ledger-process.js';

interface AuditedRow {
  tenant: string;
  body: Buffer;
  salt: Buffer;
  leaf: Buffer;
  index: number;
  seq: number;
}

/**
 * Rebuilds the log from bodies, salts and view keys alone and holds it against everything that was ever signed: one history,
 * without a gap, and one head for each size. Throws what does not hold; gives the log's size.
 */
export async function auditLog(
  adminUrl: string,
  process: LedgerProcess,
  viewKeys: ReadonlyMap<string, Uint8Array>,
  signed: readonly string[],
): Promise<number> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    const identity = process.module.get(LogIdentity);
    const roots = await rebuilt(admin, identity.origin, viewKeys);
    const size = roots.length - 1;
    const published = (await admin.query('SELECT note FROM ledger_checkpoint')).rows.map((row) => row.note as string);
    for (const note of [...signed, ...published]) {
      const head = parseCheckpoint(parseNote(note).text);
      const root = roots[head.size];
      if (!root) throw new Error(`a checkpoint of ${head.size} entries was signed, and the log has ${size}`);
      if (!equalBytes(head.root, root)) throw new Error(`a second head of ${head.size} entries: ${toHex(head.root)}`);
      await verifyNote(note, [identity.keyFor(head.size)], nodeCrypto.ed25519Verify);
    }
    const [{ newest, waiting }] = (
      await admin.query(`SELECT (SELECT max(size)::int FROM ledger_checkpoint) AS newest,
                                (SELECT count(*)::int FROM ledger_pending) AS waiting`)
    ).rows as [{ newest: number; waiting: number }];
    if (newest !== size || waiting !== 0) throw new Error(`${newest} of ${size} are published, ${waiting} wait`);
    const [{ recorded }] = (await admin.query('SELECT count(*)::int AS recorded FROM ledger_entry')).rows as [
      { recorded: number },
    ];
    if (recorded !== size) throw new Error(`${recorded} entries are recorded, ${size} are in the log`);
    return size;
  } finally {
    await admin.end();
  }
}

/** The root of every size from 0 on. */
async function rebuilt(
  admin: pg.Client,
  origin: string,
  viewKeys: ReadonlyMap<string, Uint8Array>,
): Promise<Uint8Array[]> {
  const { rows } = await admin.query<AuditedRow>(
    `SELECT l.tenant_id AS tenant, e.body, e.salt, l.leaf, l.leaf_index::int AS index, l.tenant_seq::int AS seq
       FROM ledger_leaf l JOIN ledger_entry e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id ORDER BY l.leaf_index`,
  );
  const hasher = new TreeHasher(nodeCrypto.sha256);
  const tree = TreeAppender.empty(hasher);
  const roots = [tree.root()];
  const chains = new Map<string, { seq: number; hash: Uint8Array }>();
  for (const [at, { tenant, body, salt, leaf, index, seq }] of rows.entries()) {
    const chain = chains.get(tenant) ?? { seq: 0, hash: NO_PREVIOUS_LEAF };
    if (index !== at || seq !== chain.seq + 1) throw new Error(`index ${index} number ${seq} follows ${at - 1}`);
    const viewKey = viewKeys.get(tenant)!;
    const expected = encodeLeaf(nodeCrypto, { origin, viewKey, salt, body, tenantSeq: seq, prevHash: chain.hash });
    if (!equalBytes(expected, leaf)) throw new Error(`the leaf ${index} is not the one of its entry`);
    chains.set(tenant, { seq, hash: hasher.leaf(leaf) });
    tree.append([hasher.leaf(leaf)]);
    roots.push(tree.root());
  }
  return roots;
}

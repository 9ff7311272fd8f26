import { canonicalJson } from '#kernel';
import { TreeAppender, TreeHasher } from '#merkle';
import { leafCommit, NO_PREVIOUS_LEAF, nodeCrypto, parseLeaf } from '#proof';
import type { SeededRandom } from '../seeded-random.js';
import type { KnownEntry, TamperedLedger } from './tampered-ledger.js';

/** What was done, and what the auditor should say of it. */
export interface Done {
  /** Whose auditor looks. */
  tenant: number;
  /** The entry whose receipt is asked for, too. */
  about: KnownEntry | null;
  /** The first bad index, where the tampering leaves no doubt about it; null where it only has to be noticed. */
  index: number | null;
}

export type RowTampering = (ledger: TamperedLedger, random: SeededRandom) => Promise<Done>;

/** Out of the way of every index and number that is in use. */
const ASIDE = 1_000_000;

/** What a superuser can do to the ledger's rows. */
export const ROW_TAMPERINGS: Record<string, RowTampering> = {
  'a byte of a body': async (ledger, random) => {
    const entry = someEntry(ledger, random);
    await setEntry(ledger, entry, 'body', flipped(entry.body, random));
    return at(entry);
  },
  'a value in a body, still a body': async (ledger, random) => {
    const entry = someChange(ledger, random);
    await setEntry(ledger, entry, 'body', otherBody(entry, random));
    return at(entry);
  },
  'a body with its hash': async (ledger, random) => {
    const entry = someChange(ledger, random);
    const body = otherBody(entry, random);
    await setEntry(ledger, entry, 'body', body);
    await setEntry(ledger, entry, 'body_hash', Buffer.from(nodeCrypto.sha256(body)));
    return at(entry);
  },
  'a salt': async (ledger, random) => {
    const entry = someEntry(ledger, random);
    await setEntry(ledger, entry, 'salt', flipped(entry.salt, random));
    return at(entry);
  },
  'two bodies and salts swapped': async (ledger, random) => {
    const one = someEntry(ledger, random);
    const other = random.pick(ledger.entries.filter(({ tenant, id }) => tenant === one.tenant && id !== one.id));
    for (const [to, from] of [
      [one, other],
      [other, one],
    ] as const) {
      await setEntry(ledger, to, 'body', from.body);
      await setEntry(ledger, to, 'salt', from.salt);
    }
    return at(one.index < other.index ? one : other);
  },
  'an entry made to look erased': async (ledger, random) => {
    const entry = someEntry(ledger, random);
    const by = random.pick(ledger.entries.filter(({ tenant, id }) => tenant === entry.tenant && id !== entry.id));
    await ledger.admin.query(
      'UPDATE ledger_entry SET body = NULL, body_hash = NULL, salt = NULL, erased_by = $1 WHERE id = $2',
      [by.id, entry.id],
    );
    return { ...at(entry), index: null };
  },
  'an erased entry given another body': async (ledger, random) => {
    const erased = random.pick(ledger.entries.filter((entry) => entry.erased));
    const other = someEntry(ledger, random);
    await ledger.admin.query(
      'UPDATE ledger_entry SET body = $1, body_hash = $2, salt = $3, erased_by = NULL WHERE id = $4',
      [other.body, Buffer.from(nodeCrypto.sha256(other.body)), other.salt, erased.id],
    );
    return at(erased);
  },
  'a byte of evidence': async (ledger, random) => {
    const entry = someSigned(ledger, random);
    const { rows } = await ledger.admin.query('SELECT document FROM request_evidence WHERE commitment = $1', [
      entry.evidence,
    ]);
    await setEvidence(ledger, entry, 'document', flipped(rows[0].document, random));
    return at(entry);
  },
  'a salt of evidence': async (ledger, random) => {
    const entry = someSigned(ledger, random);
    await setEvidence(ledger, entry, 'salt', random.bytes(32));
    return at(entry);
  },
  'evidence of another request put in its place': async (ledger, random) => {
    const entry = someSigned(ledger, random);
    const other = random.pick(
      ledger.entries.filter((one) => isShown(one) && one.tenant === entry.tenant && !sameRequest(one, entry)),
    );
    await ledger.admin.query(
      `UPDATE request_evidence t SET document = s.document, salt = s.salt FROM request_evidence s
        WHERE t.commitment = $1 AND s.commitment = $2`,
      [entry.evidence, other.evidence],
    );
    return at(entry);
  },
  'evidence emptied without a word': async (ledger, random) => {
    const entry = someSigned(ledger, random);
    await ledger.admin.query('UPDATE request_evidence SET document = NULL, salt = NULL WHERE commitment = $1', [
      entry.evidence,
    ]);
    return { ...at(entry), index: null };
  },
  'evidence deleted without a word': async (ledger, random) => {
    const entry = someSigned(ledger, random);
    await ledger.admin.query('DELETE FROM request_evidence WHERE commitment = $1', [entry.evidence]);
    return { ...at(entry), index: null };
  },
  "a byte of a witness's signature": async (ledger, random) => {
    const where = 'WHERE size = $1';
    const { rows } = await ledger.admin.query(`SELECT line FROM ledger_cosignature ${where}`, [ledger.size]);
    const [mark, name, base64] = (rows[0].line as string).trimEnd().split(' ') as [string, string, string];
    const bytes = Buffer.from(base64, 'base64');
    // Behind the key's id: with another id it is somebody else's.
    const signature = Buffer.concat([bytes.subarray(0, 4), flipped(bytes.subarray(4), random)]).toString('base64');
    const line = `${mark} ${name} ${signature}\n`;
    await ledger.admin.query(`UPDATE ledger_cosignature SET line = $2 ${where}`, [ledger.size, line]);
    return unnamed(ledger, random);
  },
  "a witness's signature deleted": async (ledger, random) => {
    await ledger.admin.query('DELETE FROM ledger_cosignature WHERE size = $1', [ledger.size]);
    return unnamed(ledger, random);
  },
  'an older copy put back': async (ledger, random) => {
    const { admin } = ledger;
    const heads = await admin.query('SELECT size::int FROM ledger_checkpoint ORDER BY size');
    const size = random.pick(heads.rows.slice(0, -1)).size as number;
    await admin.query('DELETE FROM ledger_cosignature WHERE size > $1', [size]);
    await admin.query('DELETE FROM ledger_checkpoint WHERE size > $1', [size]);
    await admin.query(
      'DELETE FROM ledger_entry e USING ledger_leaf l WHERE (e.tenant_id, e.id) = (l.tenant_id, l.entry_id) AND l.leaf_index >= $1',
      [size],
    );
    await admin.query('DELETE FROM ledger_leaf WHERE leaf_index >= $1', [size]);
    await cutTiles(ledger, size);
    return unnamed(ledger, random);
  },
  'an entry deleted': async (ledger, random) => {
    const entry = someEntry(ledger, random);
    await ledger.admin.query('DELETE FROM ledger_entry WHERE id = $1', [entry.id]);
    return at(entry);
  },
  'an entry deleted with its leaf': async (ledger, random) => {
    const entry = someEntry(ledger, random);
    await ledger.admin.query('DELETE FROM ledger_leaf WHERE entry_id = $1', [entry.id]);
    await ledger.admin.query('DELETE FROM ledger_entry WHERE id = $1', [entry.id]);
    return { ...at(entry), index: null };
  },
  'an entry inserted': async (ledger, random) => {
    const entry = someEntry(ledger, random);
    const { admin } = ledger;
    await admin.query('UPDATE ledger_leaf SET leaf_index = leaf_index + $1 WHERE leaf_index >= $2', [
      ASIDE,
      entry.index,
    ]);
    await admin.query('UPDATE ledger_leaf SET leaf_index = leaf_index - $1 + 1 WHERE leaf_index >= $1', [ASIDE]);
    await admin.query(
      `INSERT INTO ledger_leaf SELECT $1, tenant_id, 'led-00000000000000000', tenant_seq + $2, prev_hash, leaf
         FROM ledger_leaf WHERE entry_id = $3`,
      [entry.index, ASIDE, random.pick(ledger.entries.filter(({ id }) => id !== entry.id)).id],
    );
    return at(entry);
  },
  'a byte of a leaf': async (ledger, random) => {
    const entry = someEntry(ledger, random);
    await setLeaf(ledger, entry, 'leaf', flipped(entry.leaf, random));
    return at(entry);
  },
  'two leaves swapped': async (ledger, random) => {
    const one = someEntry(ledger, random);
    const other = random.pick(ledger.entries.filter(({ id }) => id !== one.id));
    await setLeaf(ledger, one, 'leaf_index', ASIDE);
    await setLeaf(ledger, other, 'leaf_index', one.index);
    await setLeaf(ledger, one, 'leaf_index', other.index);
    return { ...at(one), index: Math.min(one.index, other.index) };
  },
  'a number in the chain': async (ledger, random) => {
    const entry = someEntry(ledger, random);
    await setLeaf(ledger, entry, 'tenant_seq', entry.seq + ASIDE);
    return at(entry);
  },
  'a previous hash': async (ledger, random) => {
    const entry = someEntry(ledger, random);
    await setLeaf(ledger, entry, 'prev_hash', random.bytes(32));
    return at(entry);
  },
  'a leaf given to another tenant': async (ledger, random) => {
    const entry = someEntry(ledger, random);
    const other = random.pick(ledger.tenants.filter(({ id }) => id !== entry.tenantId));
    const values = [other.id, ASIDE, entry.id];
    const sql = 'UPDATE ledger_leaf SET tenant_id = $1, tenant_seq = tenant_seq + $2 WHERE entry_id = $3';
    await ledger.admin.query(sql, values);
    return at(entry);
  },
  'a hash in a tile': async (ledger, random) => {
    const entry = someEntry(ledger, random);
    await editTile(ledger, 0, entry.index >> 8, (hashes) => {
      const place = (entry.index & 255) * 32 + random.below(32);
      hashes[place] = (hashes[place] as number) ^ (1 + random.below(255));
    });
    return at(entry);
  },
  'two hashes in a tile swapped': async (ledger, random) => {
    const entry = someEntry(ledger, random);
    const other = random.pick(
      ledger.entries.filter(({ index }) => index >> 8 === entry.index >> 8 && index !== entry.index),
    );
    await editTile(ledger, 0, entry.index >> 8, (hashes) => {
      const [one, two] = [(entry.index & 255) * 32, (other.index & 255) * 32];
      const kept = Buffer.from(hashes.subarray(one, one + 32));
      hashes.copy(hashes, one, two, two + 32);
      kept.copy(hashes, two);
    });
    return { ...at(entry), index: Math.min(entry.index, other.index) };
  },
  'a hash of the upper level': async (ledger, random) => {
    await editTile(ledger, 1, 0, (hashes) => random.bytes(32).copy(hashes));
    return unnamed(ledger, random);
  },
  'a tile cut short': async (ledger, random) => {
    const tile = random.below(2);
    await ledger.admin.query(
      'UPDATE ledger_tile SET hashes = substring(hashes FOR octet_length(hashes) - 32) WHERE level = 0 AND tile_index = $1',
      [tile],
    );
    return unnamed(ledger, random);
  },
  'a tile deleted': async (ledger, random) => {
    const [level, tile] = random.pick([
      [0, 0],
      [0, 1],
      [1, 0],
    ]) as [number, number];
    await ledger.admin.query('DELETE FROM ledger_tile WHERE level = $1 AND tile_index = $2', [level, tile]);
    return unnamed(ledger, random);
  },
  'the end of the log cut off': async (ledger, random) => {
    const { admin } = ledger;
    const heads = await admin.query('SELECT size::int FROM ledger_checkpoint ORDER BY size');
    const size = random.pick(heads.rows.slice(0, -1)).size as number;
    await admin.query('DELETE FROM ledger_checkpoint WHERE size > $1', [size]);
    await admin.query('DELETE FROM ledger_leaf WHERE leaf_index >= $1', [size]);
    return unnamed(ledger, random);
  },
  'the newest checkpoint deleted': async (ledger, random) => {
    await ledger.admin.query('DELETE FROM ledger_checkpoint WHERE size = $1', [ledger.size]);
    return unnamed(ledger, random);
  },
  'a byte of the newest checkpoint': async (ledger, random) => {
    const note = flipped(Buffer.from(ledger.kept, 'latin1'), random, 0x7f).toString('latin1');
    await setCheckpoint(ledger, 'note', note.replaceAll('\0', '0'));
    return unnamed(ledger, random);
  },
  'the root beside the newest checkpoint': async (ledger, random) => {
    await setCheckpoint(ledger, 'root', random.bytes(32));
    return unnamed(ledger, random);
  },
  'all tables truncated': async (ledger, random) => {
    await ledger.admin.query('TRUNCATE ledger_entry, ledger_leaf, ledger_tile, ledger_checkpoint CASCADE');
    return unnamed(ledger, random);
  },
  'history rewritten in agreement with itself': async (ledger, random) => {
    await rewriteFrom(ledger, someChange(ledger, random), random);
    return unnamed(ledger, random);
  },
  "history rewritten and signed with the log's own key": async (ledger, random) => {
    const entry = someChange(ledger, random);
    const root = await rewriteFrom(ledger, entry, random);
    const { log, size } = ledger;
    const note = log.signCheckpoint({ size, root });
    await setCheckpoint(ledger, 'note', note);
    await setCheckpoint(ledger, 'root', Buffer.from(root));
    return { ...unnamed(ledger, random), tenant: entry.tenant };
  },
};

function at(entry: KnownEntry): Done {
  return { tenant: entry.tenant, about: entry, index: entry.index };
}

/** Any tenant's auditor must notice, and nobody can say which entry it was. */
function unnamed(ledger: TamperedLedger, random: SeededRandom): Done {
  const entry = someEntry(ledger, random);
  return { tenant: entry.tenant, about: entry, index: null };
}

function someEntry({ entries }: TamperedLedger, random: SeededRandom): KnownEntry {
  return random.pick(entries.filter(({ tenant, erased }) => tenant >= 0 && !erased));
}

/** The first entry of a signed request that is there to be seen, with another one behind it. */
function someSigned({ entries }: TamperedLedger, random: SeededRandom): KnownEntry {
  const first = entries.filter((one) => isShown(one) && entries.find((entry) => sameRequest(entry, one)) === one);
  return random.pick(
    first.filter((one) => first.some(({ tenant, index }) => tenant === one.tenant && index > one.index)),
  );
}

export function sameRequest(one: KnownEntry, other: KnownEntry): boolean {
  return one.evidence !== null && other.evidence !== null && one.evidence.equals(other.evidence);
}

/** Whether its signed request is there to be seen. */
export function isShown({ tenant, evidence, erased, evidenceErased }: KnownEntry): boolean {
  return tenant >= 0 && evidence !== null && !erased && !evidenceErased;
}

/** An entry with a name in it that can be changed. */
function someChange({ entries }: TamperedLedger, random: SeededRandom): KnownEntry {
  return random.pick(entries.filter(({ tenant, body }) => tenant >= 0 && body.includes('"subnet.created"')));
}

/** Another body that reads as well: somebody else's name for the same subnet. */
function otherBody({ body }: KnownEntry, random: SeededRandom): Buffer {
  const value = JSON.parse(body.toString());
  value.after.name = `forged ${random.below(1_000_000)}`;
  return Buffer.from(canonicalJson(value));
}

function flipped(bytes: Buffer, random: SeededRandom, mask = 0xff): Buffer {
  const copy = Buffer.from(bytes);
  const place = random.below(copy.length);
  copy[place] = (copy[place] as number) ^ ((1 + random.below(255)) & mask || 1);
  return copy;
}

async function setEntry({ admin }: TamperedLedger, { id }: KnownEntry, column: string, value: unknown): Promise<void> {
  await admin.query(`UPDATE ledger_entry SET ${column} = $1 WHERE id = $2`, [value, id]);
}

async function setEvidence({ admin }: TamperedLedger, { evidence }: KnownEntry, column: string, value: Buffer) {
  await admin.query(`UPDATE request_evidence SET ${column} = $1 WHERE commitment = $2`, [value, evidence]);
}

/** The tiles as they were when the log had `size` leaves. */
async function cutTiles({ admin }: TamperedLedger, size: number): Promise<void> {
  for (const level of [0, 1]) {
    const hashes = Math.floor(size / 256 ** level);
    await admin.query('DELETE FROM ledger_tile WHERE level = $1 AND tile_index * 256 >= $2', [level, hashes]);
    await admin.query(
      'UPDATE ledger_tile SET hashes = substring(hashes FOR $3) WHERE level = $1 AND tile_index = $2 AND octet_length(hashes) > $3',
      [level, Math.floor(hashes / 256), (hashes % 256) * 32],
    );
  }
}

async function setLeaf({ admin }: TamperedLedger, { id }: KnownEntry, column: string, value: unknown): Promise<void> {
  await admin.query(`UPDATE ledger_leaf SET ${column} = $1 WHERE entry_id = $2`, [value, id]);
}

async function setCheckpoint({ admin, size }: TamperedLedger, column: string, value: unknown): Promise<void> {
  await admin.query(`UPDATE ledger_checkpoint SET ${column} = $1 WHERE size = $2`, [value, size]);
}

async function editTile(
  { admin }: TamperedLedger,
  level: number,
  tile: number,
  edit: (hashes: Buffer) => void,
): Promise<void> {
  const where = 'WHERE level = $1 AND tile_index = $2';
  const { rows } = await admin.query(`SELECT hashes FROM ledger_tile ${where}`, [level, tile]);
  const hashes = Buffer.from(rows[0].hashes);
  edit(hashes);
  await admin.query(`UPDATE ledger_tile SET hashes = $3 ${where}`, [level, tile, hashes]);
}

/** Changes a body and everything that follows from it: leaves, the chain after it, all tiles. Returns the new root. */
async function rewriteFrom(ledger: TamperedLedger, changed: KnownEntry, random: SeededRandom): Promise<Uint8Array> {
  const hasher = new TreeHasher(nodeCrypto.sha256);
  const appender = TreeAppender.empty(hasher);
  let prevHash = NO_PREVIOUS_LEAF;
  const hashes: Uint8Array[] = [];
  for (const entry of ledger.entries) {
    let leaf: Uint8Array = entry.leaf;
    if (entry.tenant === changed.tenant) {
      const body = entry.id === changed.id ? otherBody(entry, random) : entry.body;
      if (entry.id === changed.id) await setEntry(ledger, entry, 'body', body);
      const commit = leafCommit(nodeCrypto, { salt: entry.salt, body, tenantSeq: entry.seq, prevHash });
      leaf = canonicalJson({ ...parseLeaf(entry.leaf), commit });
      if (entry.index >= changed.index) {
        await setLeaf(ledger, entry, 'leaf', Buffer.from(leaf));
        await setLeaf(ledger, entry, 'prev_hash', Buffer.from(prevHash));
      }
      prevHash = hasher.leaf(leaf);
    }
    hashes.push(hasher.leaf(leaf));
  }
  for (const { level, index, hashes: tile } of appender.append(hashes)) {
    await editTile(ledger, level, index, (stored) => Buffer.from(tile).copy(stored));
  }
  return appender.root();
}

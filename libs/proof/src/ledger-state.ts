import type { JsonValue } from '#kernel';
import { concatBytes, FormatError, fromUtf8 } from '#merkle';
import { isNatural, membersOf } from './ledger-body.js';
import type { StateRecord } from './state-comparison.js';

/**
 * State, version 1 (docs/formats/ledger-state-v1.md): every resource of a tenant as its ledger tells it, from one snapshot of the
 * database, as lines of JSON: a header, the resources, and a last line with their number.
 */
export interface StateHeader {
  tenant: string;
  /** The newest entry that was in the log in that snapshot; 0 and null before the first. */
  tenantSeq: number;
  entryId: string | null;
  /** Entries that had happened and were not in the log yet. */
  pending: string[];
}

export type StateLine =
  | { type: 'header'; header: StateHeader }
  | { type: 'resource'; record: StateRecord }
  | { type: 'end'; resources: number };

const MAX_LINE_BYTES = 2 << 20;

/** The lines of a state, checked for their form and order. @throws FormatError */
export async function* readLedgerState(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<StateLine> {
  let resources = -1;
  let ended = false;
  for await (const bytes of linesIn(chunks)) {
    if (ended) throw new FormatError('the state goes on after its end');
    const line = parseLine(bytes);
    if ((line.type === 'header') !== resources < 0) throw new FormatError(`a ${line.type} may not stand here`);
    if (line.type !== 'end') resources += 1;
    else if (line.resources !== resources)
      throw new FormatError(`${line.resources} resources are due, ${resources} are there`);
    else ended = true;
    yield line;
  }
  if (!ended) throw new FormatError('the state has no end: it was cut off');
}

function parseLine(bytes: Uint8Array): StateLine {
  let value: JsonValue;
  try {
    value = JSON.parse(fromUtf8(bytes)) as JsonValue;
  } catch (cause) {
    throw new FormatError('a line of the state is not JSON', { cause });
  }
  const { type } = (value ?? {}) as { type?: unknown };
  if (type === 'freehold-state') return { type: 'header', header: parseHeader(value) };
  if (type === 'resource') return { type, record: parseResource(value) };
  if (type !== 'end') throw new FormatError('a line of the state has no known type');
  const { resources } = membersOf(value, 'end', ['type', 'resources']);
  if (!isNatural(resources)) throw new FormatError('the end of the state is not as version 1 has it');
  return { type, resources };
}

function parseHeader(value: JsonValue): StateHeader {
  const line = membersOf(value, 'header', ['type', 'v', 'tenant', 'tenantSeq', 'entryId', 'pending']);
  const { v, tenant, tenantSeq, entryId, pending } = line;
  const sound =
    v === 1 &&
    typeof tenant === 'string' &&
    isNatural(tenantSeq) &&
    (entryId === null || typeof entryId === 'string') &&
    Array.isArray(pending) &&
    pending.every((id) => typeof id === 'string');
  if (!sound) throw new FormatError('the header of the state is not as version 1 has it');
  return { tenant, tenantSeq, entryId, pending } as StateHeader;
}

function parseResource(value: JsonValue): StateRecord {
  const { resource, state } = membersOf(value, 'resource', ['type', 'resource', 'state']);
  const { type, id, version } = membersOf(resource, 'resource', ['type', 'id', 'version']);
  const sound = typeof type === 'string' && typeof id === 'string' && (version === null || isNatural(version));
  if (!sound || state === null) throw new FormatError('a resource of the state is not as version 1 has it');
  return { type, id, version, state: state as JsonValue } as StateRecord;
}

async function* linesIn(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      yield concatBytes(rest, chunk.subarray(start, end));
      rest = new Uint8Array(0);
      start = end + 1;
    }
    rest = concatBytes(rest, chunk.subarray(start));
    if (rest.length > MAX_LINE_BYTES) throw new FormatError(`a line is longer than ${MAX_LINE_BYTES} bytes`);
  }
  if (rest.length > 0) throw new FormatError('the last line has no newline: the state was cut off');
}

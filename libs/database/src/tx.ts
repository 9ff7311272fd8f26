import type { PoolClient } from 'pg';
import type { EntityManager } from 'typeorm';
import type { OpContext, RecordedEntry, TenantId } from '#kernel';

/** Statements are prepared once a connection. Beyond this many distinct texts (generated filters) they go unnamed. */
const PREPARED_LIMIT = 400;
const statementNames = new Map<string, string>();

function statementName(sql: string): string | undefined {
  const known = statementNames.get(sql);
  if (known !== undefined) return known;
  if (statementNames.size >= PREPARED_LIMIT) return undefined;
  const name = `fh${statementNames.size}`;
  statementNames.set(sql, name);
  return name;
}

/**
 * One open transaction. Repositories take it as their first argument, so that no statement leaves the transaction by
 * accident. Holds what the change recorded, and what must still be written before it commits.
 */
export class Tx {
  readonly entries: RecordedEntry[] = [];
  private readonly flushes = new Map<string, (tx: Tx) => Promise<void>>();

  constructor(
    readonly manager: EntityManager,
    private readonly client: PoolClient,
    /** Null in a worker's transaction that acts for no one tenant. */
    readonly ctx: OpContext | null,
  ) {}

  /** Runs one statement and gives its rows. */
  async query<Row = Record<string, unknown>>(sql: string, params: unknown[] = []): Promise<Row[]> {
    return (await this.send(sql, params)).rows as Row[];
  }

  /** Runs one statement and gives the number of rows it changed. */
  async execute(sql: string, params: unknown[] = []): Promise<number> {
    return (await this.send(sql, params)).rowCount ?? 0;
  }

  /**
   * Runs `flush` once, just before the commit, in the order of first registration; a second registration under the same
   * key is ignored. Lets a writer collect rows all through a use case and send them in one statement.
   */
  beforeCommit(key: string, flush: (tx: Tx) => Promise<void>): void {
    if (!this.flushes.has(key)) this.flushes.set(key, flush);
  }

  /**
   * Runs `work` with row level security set to another tenant, then sets it back: how an operator's use case, authorised
   * for it, reaches the one tenant that it names.
   */
  async asTenant<T>(tenantId: TenantId, work: () => Promise<T>): Promise<T> {
    const own = this.ctx?.tenantId ?? '';
    await this.query("SELECT set_config('app.tenant', $1, true)", [tenantId]);
    const result = await work();
    await this.query("SELECT set_config('app.tenant', $1, true)", [own]);
    return result;
  }

  /** Called by the unit of work alone. */
  async flush(): Promise<void> {
    for (const flush of this.flushes.values()) await flush(this);
  }

  private send(sql: string, params: unknown[]) {
    const name = params.length > 0 ? statementName(sql) : undefined;
    return this.client.query(name === undefined ? { text: sql, values: params } : { name, text: sql, values: params });
  }
}

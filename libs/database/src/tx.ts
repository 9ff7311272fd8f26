import type { PoolClient, QueryResult } from 'pg';
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

/** One statement that is sent together with others. */
export interface Statement {
  sql: string;
  params?: unknown[];
  /** Makes a domain error of PostgreSQL's; gives back what it does not know. */
  translate?: (error: unknown) => unknown;
}

/** A statement that waits for the commit, on behalf of one tenant: the context's own unless said otherwise. */
export interface DeferredStatement extends Statement {
  tenantId?: TenantId;
}

/**
 * One open transaction. Repositories take it as their first argument, so that no statement leaves the transaction by
 * accident. Holds what the change recorded, and what must still be written before it commits.
 */
export class Tx {
  readonly entries: RecordedEntry[] = [];
  private readonly waiting: DeferredStatement[] = [];
  private readonly collectors = new Map<string, () => DeferredStatement[]>();

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
   * Sends several statements at once (one packet, one round trip) and gives the rows of each. They run in order; the first
   * that fails is what is thrown, and PostgreSQL refuses those behind it.
   */
  async pipeline(statements: readonly Statement[]): Promise<Record<string, unknown>[][]> {
    const sent = this.corked(() => statements.map(({ sql, params = [] }) => this.send(sql, params)));
    const outcomes = await Promise.allSettled(sent);
    return outcomes.map((outcome, index) => {
      if (outcome.status === 'fulfilled') return outcome.value.rows as Record<string, unknown>[];
      throw statements[index]?.translate?.(outcome.reason) ?? outcome.reason;
    });
  }

  /** Starts both before either is waited for: what they send at once goes out in one packet. */
  together<A, B>(
    first: () => Promise<A>,
    second: () => Promise<B>,
  ): Promise<[PromiseSettledResult<A>, PromiseSettledResult<B>]> {
    return Promise.allSettled(this.corked(() => [first(), second()] as const));
  }

  /** Sends statements at once, each under row level security of the tenant it is for, and gives the rows of each. */
  async pipelineAs(statements: readonly (Statement & { tenantId: TenantId })[]): Promise<Record<string, unknown>[][]> {
    const rows = await this.pipeline([
      ...statements.flatMap(({ tenantId, ...statement }) => [setTenant(tenantId), statement]),
      setTenant(this.ctx?.tenantId ?? null),
    ]);
    return statements.map((_statement, at) => rows[2 * at + 1] ?? []);
  }

  /**
   * Runs `work` with row level security set to another tenant, then sets it back: how an operator's use case, authorised
   * for it, reaches the one tenant that it names.
   */
  async asTenant<T>(tenantId: TenantId, work: () => Promise<T>): Promise<T> {
    await this.pipeline([setTenant(tenantId)]);
    const result = await work();
    await this.pipeline([setTenant(this.ctx?.tenantId ?? null)]);
    return result;
  }

  /**
   * Asks `collect` for statements just before the commit; a second registration under the same key is ignored. Lets a
   * writer collect rows all through a use case and send them in one statement, together with the commit.
   */
  beforeCommit(key: string, collect: () => DeferredStatement[]): void {
    if (!this.collectors.has(key)) this.collectors.set(key, collect);
  }

  /** Sends a statement whose answer nobody needs together with the commit; its `translate` names what it may break. */
  defer(statement: DeferredStatement): void {
    this.waiting.push(statement);
  }

  /** What was deferred, each under the tenant it is for; called by the unit of work alone. */
  deferred(): Statement[] {
    const own = this.ctx?.tenantId ?? null;
    const byTenant = new Map<TenantId | null, Statement[]>([[own, []]]);
    for (const statement of [...this.waiting, ...[...this.collectors.values()].flatMap((collect) => collect())]) {
      const tenantId = statement.tenantId ?? own;
      const group = byTenant.get(tenantId);
      if (group) group.push(statement);
      else byTenant.set(tenantId, [statement]);
    }
    return [...byTenant].flatMap(([tenantId, statements]) =>
      tenantId === own ? statements : [setTenant(tenantId), ...statements, setTenant(own)],
    );
  }

  /** What is sent meanwhile is held back and leaves in one write. */
  private corked<T>(sending: () => T): T {
    const { stream } = (this.client as unknown as { connection: { stream: { cork(): void; uncork(): void } } })
      .connection;
    stream.cork();
    try {
      return sending();
    } finally {
      stream.uncork();
    }
  }

  private send(sql: string, params: unknown[]): Promise<QueryResult> {
    const name = params.length > 0 ? statementName(sql) : undefined;
    return this.client.query(name === undefined ? { text: sql, values: params } : { name, text: sql, values: params });
  }
}

/** Sets the tenant of row level security until the transaction ends. */
export function setTenant(tenantId: TenantId | null): Statement {
  return { sql: "SELECT set_config('app.tenant', $1, true)", params: [tenantId ?? ''] };
}

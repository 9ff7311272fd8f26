export interface PostgresConfig {
  port: number;
  /** False only for tests: a crash of the machine may then cost the whole cluster. */
  fsync: boolean;
  maxConnections: number;
}

/**
 * The text of postgresql.conf, for a small machine that runs much else. Whoever wants other values sets them with
 * ALTER SYSTEM, which wins over this file.
 */
export function renderPostgresConfig({ port, fsync, maxConnections }: PostgresConfig): string {
  const settings: Record<string, string | number | boolean> = {
    listen_addresses: '127.0.0.1',
    port,
    // A socket's path must be short (about 100 characters), and a data folder's may be long.
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
    max_connections: maxConnections,
    shared_buffers: '128MB',
    work_mem: '8MB',
    maintenance_work_mem: '64MB',
    effective_cache_size: '1GB',
    // Short transactions by key: compiling or parallelising a plan costs more than it saves, and containers have little /dev/shm.
    jit: false,
    max_parallel_workers_per_gather: 0,
    io_method: 'sync',
    wal_level: 'replica',
    max_logical_replication_workers: 0,
    wal_compression: 'on',
    min_wal_size: '80MB',
    max_wal_size: '1GB',
    checkpoint_timeout: '10min',
    autovacuum_naptime: '20s',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    log_checkpoints: false,
    log_line_prefix: '%m [%p] %a ',
    // Commits still reach the kernel before they are acknowledged: without fsync a killed server loses nothing either.
    ...(fsync ? {} : { fsync: false, full_page_writes: false }),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${renderValue(value)}`);
  return `# Written anew by Freehold at each start: use ALTER SYSTEM for settings of your own.\n${lines.join('\n')}\n`;
}

function renderValue(value: string | number | boolean): string {
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : `${value}`;
}

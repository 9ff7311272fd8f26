import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SCHEMAS = '/usr/share/ovn';
const PROGRAMS = ['ovsdb-tool', 'ovsdb-server', 'ovsdb-client', 'ovn-nbctl', 'ovn-sbctl', 'ovn-northd', 'ovn-trace'];

/** The programs of OVN that are missing here: when none is, plans can be tried on the real thing. */
export const missingOvnPrograms = PROGRAMS.filter((program) => spawnSync(program, ['--version']).status !== 0);

/** A real Northbound and Southbound database with northd between them; no host, no packets. */
export class TestNorthbound {
  private readonly folder = mkdtempSync(join(tmpdir(), 'freehold-ovn-'));

  constructor() {
    for (const [name, schema] of [
      ['nb', 'ovn-nb.ovsschema'],
      ['sb', 'ovn-sb.ovsschema'],
    ] as const) {
      const file = join(this.folder, `${name}.db`);
      this.run('ovsdb-tool', 'create', file, join(SCHEMAS, schema));
      this.run(
        'ovsdb-server',
        '--detach',
        '--no-chdir',
        `--pidfile=${join(this.folder, `${name}.pid`)}`,
        `--log-file=${join(this.folder, `${name}.log`)}`,
        `--remote=p${this.socket(name)}`,
        `--unixctl=${join(this.folder, `${name}.ctl`)}`,
        file,
      );
    }
    this.nbctl('init');
    this.sbctl('init');
    this.sbctl('chassis-add', 'gateway-1', 'geneve', '127.0.0.1');
    this.run(
      'ovn-northd',
      '--detach',
      '--no-chdir',
      `--pidfile=${join(this.folder, 'northd.pid')}`,
      `--log-file=${join(this.folder, 'northd.log')}`,
      `--unixctl=${join(this.folder, 'northd.ctl')}`,
      `--ovnnb-db=${this.socket('nb')}`,
      `--ovnsb-db=${this.socket('sb')}`,
    );
  }

  /** Runs the operations in one transaction and gives the errors that the database answers. */
  transact(operations: readonly unknown[]): string[] {
    const request = JSON.stringify(['OVN_Northbound', ...operations]);
    const reply = JSON.parse(this.run('ovsdb-client', 'transact', this.socket('nb'), request)) as unknown[];
    return reply.flatMap((result) => {
      const { error, details } = (result ?? {}) as { error?: string; details?: string };
      return error === undefined ? [] : [`${error}: ${details}`];
    });
  }

  nbctl(...args: string[]): string {
    return this.run('ovn-nbctl', `--db=${this.socket('nb')}`, ...args);
  }

  sbctl(...args: string[]): string {
    return this.run('ovn-sbctl', `--db=${this.socket('sb')}`, ...args);
  }

  /** Has a router know the hardware address of a neighbour, as if it had answered. */
  learn(router: string, port: string, ip: string): void {
    const find = ['--bare', '--columns=_uuid', 'find', 'Datapath_Binding', `external_ids:name=${router}`];
    const datapath = this.sbctl(...find).trim();
    const mac = '"02:00:00:00:00:ff"';
    this.sbctl('create', 'MAC_Binding', `logical_port=${port}`, `ip="${ip}"`, `mac=${mac}`, `datapath=${datapath}`);
  }

  /** What becomes of a packet; `flow` in the language of ovn-trace(8). */
  trace(flow: string): string {
    return this.run('ovn-trace', `--db=${this.socket('sb')}`, '--ct=new', flow);
  }

  /** What northd complained about. */
  warnings(): string[] {
    const log = readFileSync(join(this.folder, 'northd.log'), 'utf8');
    return log.split('\n').filter((line) => /\|(WARN|ERR)\|/.test(line));
  }

  remove(): void {
    for (const name of ['northd', 'sb', 'nb']) {
      const pid = Number(readFileSync(join(this.folder, `${name}.pid`), 'utf8'));
      if (pid > 0) process.kill(pid, 'SIGTERM');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private socket(name: string): string {
    return `unix:${join(this.folder, `${name}.sock`)}`;
  }

  private run(program: string, ...args: string[]): string {
    const { status, stdout, stderr } = spawnSync(program, args, {
      encoding: 'utf8',
      env: { ...process.env, OVN_RUNDIR: this.folder, OVS_RUNDIR: this.folder },
    });
    if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
    return stdout;
  }
}

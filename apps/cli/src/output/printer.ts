import type { Terminal } from '../terminal.js';
import { type Paint, paintState } from './paint.js';
import { cellText, renderMembers, renderTable } from './table.js';

export const FORMATS = ['table', 'json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];

/** A column of a table: a member's name, or a path such as `resource.id`. */
export type Column = string | { title: string; of(row: Row): unknown };
// biome-ignore lint/suspicious/noExplicitAny: rows are whatever the API sends
export type Row = Record<string, any>;

/** Signed notes and proofs are not read by people; they are in the JSON and YAML. */
const FOR_PROGRAMS = new Set(['promise', 'endorsement', 'links']);

/** Writes replies to the standard output in the format that was asked for, and everything else to the standard error. */
export class Printer {
  constructor(
    private readonly terminal: Terminal,
    readonly format: Format,
    /** For the standard output. */
    readonly paint: Paint,
    /** For the standard error. */
    readonly errPaint: Paint,
  ) {}

  /** Many resources of one kind. */
  async list(rows: readonly Row[], columns: readonly Column[]): Promise<void> {
    if (this.format !== 'table') return this.document(rows);
    if (rows.length === 0) return this.note('none');
    const headers = columns.map((column) => this.paint.bold(titleOf(column)));
    const cells = rows.map((row) => columns.map((column) => paintState(this.paint, cellText(cellOf(row, column)))));
    this.terminal.out(renderTable(headers, cells, this.terminal.width));
  }

  /** One resource, or the reply to a change. */
  async item(value: unknown): Promise<void> {
    if (this.format !== 'table' || typeof value !== 'object' || value === null) return this.document(value);
    const members: [string, string][] = [];
    const lists: string[] = [];
    for (const [name, member] of Object.entries(value)) {
      if (FOR_PROGRAMS.has(name)) continue;
      if (isRows(member)) lists.push(this.subTable(name, member));
      else members.push([this.paint.dim(name), paintState(this.paint, cellText(member))]);
    }
    this.terminal.out(renderMembers(members) + lists.join(''));
  }

  async document(value: unknown): Promise<void> {
    if (this.format === 'yaml') {
      const { stringify } = await import('yaml');
      this.terminal.out(stringify(value, { lineWidth: 0 }));
      return;
    }
    this.terminal.out(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** Text that is data by itself: a configuration, a checkpoint. */
  text(text: string): void {
    this.terminal.out(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** A line for whoever watches. */
  note(line: string): void {
    this.terminal.err(`${line}\n`);
  }

  private subTable(name: string, rows: Row[]): string {
    const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((column) => !FOR_PROGRAMS.has(column));
    const cells = rows.map((row) => columns.map((column) => paintState(this.paint, cellText(row[column]))));
    const headers = columns.map((column) => this.paint.dim(column));
    const lines = renderTable(headers, cells, this.terminal.width - 2);
    return `${this.paint.dim(name)}\n${lines.replace(/^/gm, '  ').trimEnd()}\n`;
  }
}

function isRows(value: unknown): value is Row[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'object' && one !== null);
}

function titleOf(column: Column): string {
  const name = typeof column === 'string' ? column : column.title;
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('.', ' ')
    .toUpperCase();
}

function cellOf(row: Row, column: Column): unknown {
  if (typeof column !== 'string') return column.of(row);
  return column.split('.').reduce<unknown>((value, name) => (value as Row | null | undefined)?.[name], row);
}

import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../cli-errors.js';
import { type CommandContext, handled } from '../command-context.js';
import type { ApiRequest } from '../connection/api-client.js';
import type { Row } from '../output/printer.js';
import type { Terminal } from '../terminal.js';
import type { Field, Resource, Verb } from './resource.js';

/** Adds the commands of one resource. @returns the resource's command, for verbs of another making */
export function addResource(program: Command, resource: Resource, terminal: Terminal): Command {
  const group = program
    .command(resource.noun)
    .aliases(resource.aliases ?? [])
    .description(resource.about);
  for (const verb of resource.verbs) addVerb(group, verb, resource, terminal);
  return group;
}

function addVerb(group: Command, verb: Verb, { noun }: Resource, terminal: Terminal): void {
  const command = group
    .command(verb.name)
    .aliases(verb.aliases ?? [])
    .description(verb.about);
  for (const id of idsOf(verb)) command.argument(`<${kebab(id)}>`);
  for (const field of [...(verb.body ?? []), ...(verb.query ?? [])]) command.addOption(optionOf(field));
  if (verb.list) {
    command.option('--limit <n>', 'how many at most', positive, DEFAULT_LIMIT);
    command.option('--cursor <cursor>', 'go on where an earlier list ended');
  }
  handled(command, terminal, (context, args, options) => run(context, noun, verb, args, options));
}

const DEFAULT_LIMIT = 1000;

async function run(
  context: CommandContext,
  noun: string,
  verb: Verb,
  args: string[],
  options: Record<string, unknown>,
): Promise<void> {
  const path = pathOf(verb, args);
  const body = valuesOf(verb.body ?? [], options);
  const query = textsOf(valuesOf(verb.query ?? [], options));
  const open = verb.path.startsWith('/v1/log');
  const api = open ? context.openApi() : context.api();
  if (verb.list) return list(context, verb, path, { ...query, cursor: options.cursor as string }, options);
  if (verb.raw) return context.terminal.out(await api.text({ method: 'GET', path, query }));
  if (verb.method === 'PATCH' && Object.keys(body).length === 0) {
    throw new UsageError(`say what to change: ${(verb.body ?? []).map((field) => `--${flagOf(field)}`).join(', ')}`);
  }
  if (verb.dangerous) await context.confirm(`${verb.name} ${noun} ${args.join(' ')}`);
  const request: ApiRequest = { method: verb.method, path, query, ...changeOf(context, verb, body) };
  const reply = await api.json<Row>(request);
  await show(context, verb, reply);
}

function changeOf(context: CommandContext, verb: Verb, body: object): Partial<ApiRequest> {
  if (verb.method === 'GET') return {};
  return { body: verb.body ? body : undefined, ...context.changeOptions() };
}

async function list(
  context: CommandContext,
  verb: Verb,
  path: string,
  query: ApiRequest['query'],
  options: Record<string, unknown>,
): Promise<void> {
  const { items, nextCursor } = await context.api().list<Row>(path, query, options.limit as number);
  await context.printer.list(items, verb.list!);
  if (nextCursor !== null) context.printer.note(`there are more: go on with --cursor ${nextCursor}`);
}

async function show(context: CommandContext, verb: Verb, reply: Row): Promise<void> {
  const { printer } = context;
  const text = verb.textMember === undefined ? undefined : reply[verb.textMember];
  if (typeof text === 'string' && printer.format === 'table') printer.text(text);
  else await printer.item(reply);
  noteChange(context, reply);
}

/** Says under which entry a change is recorded; the promise itself is in the JSON. */
export function noteChange(context: CommandContext, reply: Row): void {
  const { printer, options } = context;
  if (printer.format !== 'table') return;
  if (options.dryRun) printer.note(printer.errPaint.warn('dry run: nothing was changed'));
  if (options.dryRun || typeof reply.promise !== 'string') return;
  const deadline = Number(reply.promise.split('\n')[4]);
  const by = Number.isSafeInteger(deadline)
    ? `, promised to be in the log by ${new Date(deadline * 1000).toISOString()}`
    : '';
  printer.note(printer.errPaint.dim(`recorded as ${reply.ledgerEntryId}${by}`));
}

/** The names in a path's braces, in order. */
export function idsOf(verb: Pick<Verb, 'path'>): string[] {
  return [...verb.path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => (name === '*' ? 'tile' : name!));
}

function pathOf(verb: Verb, args: string[]): string {
  let at = 0;
  return verb.path.replace(/\{([^}]+)\}/g, (_, name: string) => {
    const value = args[at++] ?? '';
    // `.` and `..` would be taken away from the path by whoever reads the URL.
    if (value === '' || /^\.{1,2}$/.test(value)) throw new UsageError(`${JSON.stringify(value)} is no ${kebab(name)}`);
    return name === '*' ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value);
  });
}

function optionOf(field: Field): Option {
  const { kind = 'text', about } = field;
  const option = new Option(`--${flagOf(field)} <${PLACEHOLDER[kind]}>`, about);
  option.makeOptionMandatory(field.required ?? false);
  if (kind === 'integer') option.argParser(integer);
  if (kind === 'boolean') option.choices(['true', 'false']);
  if (kind === 'list') option.argParser((text: string, before: string[] = []) => [...before, text]);
  if (kind === 'tags') option.argParser(tag);
  return option;
}

const PLACEHOLDER = { text: 'text', integer: 'n', boolean: 'true|false', list: 'text', tags: 'key=value' };

export function flagOf({ name, option }: Field): string {
  return option ?? kebab(name);
}

/** Members for a body or a query, of the options that were given. */
function valuesOf(fields: readonly Field[], options: Record<string, unknown>): Record<string, unknown> {
  const given = fields.map((field): [Field, unknown] => [field, options[camel(flagOf(field))]]);
  return Object.fromEntries(
    given.filter(([, value]) => value !== undefined).map(([field, value]) => [field.name, memberOf(field, value)]),
  );
}

function memberOf({ kind, nullable }: Field, value: unknown): unknown {
  if (kind === 'boolean') return value === 'true';
  return nullable && value === '' ? null : value;
}

function textsOf(values: Record<string, unknown>): Record<string, string | string[]> {
  const entries = Object.entries(values);
  return Object.fromEntries(entries.map(([name, value]) => [name, Array.isArray(value) ? value : String(value)]));
}

function integer(text: string): number {
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('It is a whole number.');
  return value;
}

function positive(text: string): number {
  const value = integer(text);
  if (value < 1) throw new InvalidArgumentError('It is at least 1.');
  return value;
}

function tag(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('A tag is key=value.');
  return Object.fromEntries([...Object.entries(before), [text.slice(0, at), text.slice(at + 1)]]);
}

function kebab(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
}

function camel(flag: string): string {
  return flag.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

import { entries } from './load-settings.js';
import { clientVariables, type Setting } from './settings-list.js';

/** The text of docs/settings.md. */
export function renderSettingsPage(): string {
  const lines = [
    '# Settings',
    '',
    'Generated from `libs/config/src/settings-list.ts`; change it there and run `npm run build:settings`.',
    '',
    'Every setting is an environment variable and all have defaults: `npm start` needs none. An empty variable counts as',
    'absent. A wrong value or an unknown `FREEHOLD_` variable ends the process at boot with one line that says what to do.',
  ];
  for (const [group, settings] of grouped()) {
    const rows = settings.map((setting) => [
      `\`${setting.variable}\``,
      setting.fallbackText,
      setting.kind.rule.replaceAll('<', '&lt;'),
      `${setting.description}${setting.secret ? ' **Secret.**' : ''}`,
    ]);
    lines.push('', `## ${group}`, '', ...table(['variable', 'default', 'must be', 'what it does'], rows));
  }
  const clientRows = Object.entries(clientVariables).map(([variable, text]) => [`\`${variable}\``, text]);
  lines.push('', '## The `freehold` command', '', ...table(['variable', 'what it does'], clientRows));
  return `${lines.join('\n')}\n`;
}

/** A Markdown table with aligned columns, as the formatter wants it. */
function table(head: string[], rows: string[][]): string[] {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [first = [], ...others] = cells;
  return [line(first), line(widths.map((width) => '-'.repeat(width))), ...others.map(line)];
}

/** The text of .env.example: every setting, commented out, with a value that would be accepted. */
export function renderEnvExample(): string {
  const lines = [
    '# Generated from libs/config/src/settings-list.ts; docs/settings.md explains each setting.',
    '# All have defaults. Take what you need into your environment, or start with: node --env-file=.env ...',
  ];
  for (const [group, settings] of grouped()) {
    lines.push('', `## ${group}`);
    for (const setting of settings) lines.push(`#${setting.variable}=${quoted(setting.example)}`);
  }
  return `${lines.join('\n')}\n`;
}

function quoted(value: string): string {
  return /\s/.test(value) ? `"${value}"` : value;
}

function grouped(): Map<string, Setting[]> {
  const groups = new Map<string, Setting[]>();
  for (const [, setting] of entries()) groups.set(setting.group, [...(groups.get(setting.group) ?? []), setting]);
  return groups;
}

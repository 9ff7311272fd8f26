import { stripVTControlCharacters } from 'node:util';

/**
 * What a terminal must not be sent from outside: control characters could hide text, move the cursor or change the title.
 * They are shown as what they are.
 */
export function printable(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** One value in a table's cell or in a list of members. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '-';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(cellText).join(', ');
  if (typeof value === 'object') {
    const members = Object.entries(value).filter(([, member]) => member !== null);
    return members.length === 0
      ? '-'
      : members.map(([name, member]) => `${printable(name)}=${cellText(member)}`).join(' ');
  }
  return printable(String(value));
}

const GAP = '  ';

/**
 * Lines of columns, each as wide as its widest cell; the last is cut at the screen's edge. Cells may carry colours.
 * @param width columns of the screen, or Infinity
 */
export function renderTable(headers: readonly string[], rows: readonly (readonly string[])[], width: number): string {
  const lines = [headers, ...rows];
  const widths = headers.map((_, column) => Math.max(...lines.map((line) => displayWidth(line[column] ?? ''))));
  return lines
    .map((line) => {
      const cells = line.map((cell, column) => {
        const last = column === line.length - 1;
        return last ? cell : cell + ' '.repeat(widths[column]! - displayWidth(cell));
      });
      return `${cut(cells.join(GAP).trimEnd(), width)}\n`;
    })
    .join('');
}

/** Name and value on a line each. */
export function renderMembers(members: readonly (readonly [string, string])[]): string {
  const widest = Math.max(0, ...members.map(([name]) => displayWidth(name)));
  return members.map(([name, value]) => `${name}${' '.repeat(widest - displayWidth(name))}${GAP}${value}\n`).join('');
}

/** Columns that a text takes on a screen: East Asian wide characters and emoji take two, combining marks none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): number {
  if (/^\p{Mark}$/u.test(character)) return 0;
  const wide = /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]$/u;
  return wide.test(character) || /^\p{Emoji_Presentation}$/u.test(character) || character.codePointAt(0)! >= 0x20000
    ? 2
    : 1;
}

/** A colour of ours. In a group, so that splitting keeps it. */
const SEQUENCE = new RegExp(`(${String.fromCharCode(0x1b)}\\[[0-9;]*m)`);

function cut(line: string, width: number): string {
  if (displayWidth(line) <= width) return line;
  let kept = '';
  let used = 0;
  let painted = false;
  for (const piece of line.split(SEQUENCE).flatMap((part) => (SEQUENCE.test(part) ? [part] : [...part]))) {
    if (SEQUENCE.test(piece)) {
      kept += piece;
      painted = true;
      continue;
    }
    used += characterWidth(piece);
    if (used >= width) break;
    kept += piece;
  }
  return `${kept}…${painted ? '\u001b[0m' : ''}`;
}

import type { logStatisticsView } from '#ledger';

export type LogFigures = ReturnType<typeof logStatisticsView>;

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const text = (value: string | number) => String(value).replace(/[&<>"']/g, (sign) => escapes[sign]!);
const count = (value: number) => value.toLocaleString('en-US');

export const STYLE = `
:root { color-scheme: light dark; --line: #8884; --bar: #3b6ea5; --soft: light-dark(#5a5a5a, #b0b0b0); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; }
code { font: 0.85rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1.5rem; } dt { color: var(--soft); } dd { margin: 0; }
svg { width: 100%; height: auto; } rect { fill: var(--bar); } .axis { stroke: var(--line); } svg text { font-size: 11px; fill: currentColor; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: 0.6rem; } }
`;

/** The log as a page: no script, nothing from elsewhere, read anew every ten seconds. */
export function renderLogPage(figures: LogFigures): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="10">
<title>The log</title>
<style>${STYLE}</style>
</head>
<body>
<h1>The log: ${count(figures.size)} entries</h1>
<p><code>${text(figures.origin)}</code></p>
${list(headOf(figures))}
<h2>Entries by the hour</h2>
${chart(figures)}
<h2>Anchors</h2>
${list(anchorsOf(figures))}
<h2>Witnesses</h2>
${list(witnessesOf(figures))}
<h2>For programs</h2>
<p><a href="/v1/log">log</a> · <a href="/v1/log/checkpoint">checkpoint</a> · <a href="/v1/log/statistics">statistics</a> ·
<a href="/v1/ledger/anchors?order=newest-first">anchors</a> · <a href="/v1/log/witnesses">witnesses</a> · <a href="/docs">API</a></p>
</body>
</html>
`;
}

type Row = [name: string, html: string];

const list = (rows: Row[]) =>
  `<dl>\n${rows.map(([name, html]) => `<dt>${name}</dt><dd>${html}</dd>`).join('\n')}\n</dl>`;

function headOf({ vkey, root, publishedAt, ageSeconds, checkpoints, at }: LogFigures): Row[] {
  return [
    ['key to pin', `<code>${text(vkey)}</code>`],
    ['root', root ? `<code>${text(root)}</code>` : 'nothing is published yet'],
    ['newest checkpoint', publishedAt === null ? 'none' : `${text(publishedAt)}, ${ago(ageSeconds ?? 0)}`],
    ['checkpoints', checkpoints === null ? 'being counted' : count(checkpoints)],
    ['as of', text(at)],
  ];
}

function anchorsOf({ anchors: { newest, behind, unsettled } }: LogFigures): Row[] {
  const waiting: Row[] = [
    ['entries behind', count(behind)],
    ['on their way', unsettled === null ? 'a thousand or more' : count(unsettled)],
  ];
  if (!newest) return [['newest', 'none is final yet'], ...waiting];
  const trust = newest.independentTrust ? '' : ' The operator alone runs that chain: it adds no independent trust.';
  return [
    ['newest', `${count(newest.size)} entries, final at ${text(newest.finalAt)} (${text(newest.finality)}).${trust}`],
    [
      'transaction',
      `<code>${text(newest.txHash)}</code> in block ${count(newest.blockNumber)} of chain ${text(newest.chainId)}`,
    ],
    ...waiting,
  ];
}

function witnessesOf({ witnesses }: LogFigures): Row[] {
  if (witnesses.count === 0) return [['witnesses', 'nobody watches this log by arrangement']];
  const { count: many, threshold, required, witnessedSize, behind } = witnesses;
  const rule = required ? 'nothing is published before' : 'checkpoints are published at once';
  return [
    ['policy', `${threshold} of ${many} make a checkpoint a witnessed one; ${rule}`],
    ['witnessed', `${count(witnessedSize)} entries, ${count(behind)} behind`],
  ];
}

function ago(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s ago`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3600)} h ago`;
}

const WIDTH = 720;
const HEIGHT = 160;
const FOOT = 20;

/** A bar an hour; its title says the figures. */
function chart({ hours }: LogFigures): string {
  const most = Math.max(1, ...hours.map(({ entries }) => entries));
  const step = WIDTH / hours.length;
  const bars = hours.map(({ from, entries, size }, at) => {
    const height = (entries / most) * (HEIGHT - FOOT - 14);
    const place = `x="${(at * step + 1).toFixed(1)}" y="${(HEIGHT - FOOT - height).toFixed(1)}"`;
    const figures = `${text(from)}: ${count(entries)} entries, ${count(size)} in all`;
    return `<rect ${place} width="${(step - 2).toFixed(1)}" height="${height.toFixed(1)}"><title>${figures}</title></rect>`;
  });
  const first = text(hours[0]?.from.slice(0, 16).replace('T', ' ') ?? '');
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Entries published in each of the last ${hours.length} hours">
${bars.join('\n')}
<line class="axis" x1="0" x2="${WIDTH}" y1="${HEIGHT - FOOT}" y2="${HEIGHT - FOOT}"/>
<text x="0" y="${HEIGHT - 6}">${first} UTC</text><text x="${WIDTH}" y="${HEIGHT - 6}" text-anchor="end">now</text>
<text x="0" y="10">most: ${count(most)} an hour</text>
</svg>`;
}

import type { Settings } from '#config';
import type { StackReport } from './stack.js';

/** What is shown once the stack is up. */
export function renderBanner(report: StackReport, settings: Settings): string {
  const { state, databaseAddress, operatorApiKey, operatorKeyFile, seconds } = report;
  const rows: [string, string][] = [
    ['API', `${others(state.apiUrls, state.apiUrl)}   (documentation: ${state.apiUrl}/docs)`],
    ['Data', state.dataUrl],
    ['Worker', state.workerUrls.map((url) => `${url}/metrics`).join('  ')],
    ['Database', databaseAddress === null ? 'the one of DATABASE_URL' : `PostgreSQL at ${databaseAddress}`],
    ['Queue', settings.redisUrl === undefined ? 'in the database' : 'the Redis of REDIS_URL'],
    [
      'Chain',
      state.chainUrl === null
        ? 'the one of CHAIN_URL'
        : `${state.chainUrl}   (for development: it adds no trust beyond this machine)`,
    ],
    ['Folder', `${settings.dataDir}   (logs in logs/)`],
  ];
  const lines = ['', `  Freehold is up, after ${seconds.toFixed(1)} s.`, ''];
  for (const [name, value] of rows) lines.push(`  ${name.padEnd(10)}${value}`);
  if (operatorApiKey !== null) {
    lines.push(
      '',
      "  The operator's API key, shown this once:",
      '',
      `  export FREEHOLD_API_KEY=${operatorApiKey}`,
      '',
      `  It is also in ${operatorKeyFile}, which only you can read; delete that file when the key is kept elsewhere.`,
    );
  }
  lines.push('', '  Ctrl-C stops everything.', '');
  return `${lines.join('\n')}\n`;
}

function others(urls: string[], first: string): string {
  return [first, ...urls.filter((url) => url !== first)].join('  ');
}

import { type LogFigures, renderLogPage } from './render-log-page.js';

const figures: LogFigures = {
  at: '2026-11-26T12:00:10.000Z',
  origin: 'freehold/<i>&"',
  vkey: "key'",
  size: 1234567,
  root: 'ab'.repeat(32),
  publishedAt: '2026-11-26T12:00:00.000Z',
  ageSeconds: 10,
  checkpoints: 4321,
  hours: [
    { from: '2026-11-26T11:00:00.000Z', entries: 10, checkpoints: 2, size: 1234500 },
    { from: '2026-11-26T12:00:00.000Z', entries: 67, checkpoints: 1, size: 1234567 },
  ],
  anchors: { unsettled: 0, behind: 7, newest: null },
  witnesses: { count: 0, threshold: 0, required: false, witnessedSize: 0, behind: 1234567 },
};

describe('the page of the log', () => {
  it('shows the head, a bar an hour, and what is not there yet as such', () => {
    const page = renderLogPage(figures);
    expect(page.match(/<rect /g)).toHaveLength(2);
    for (const told of ['1,234,567 entries', '10 s ago', '4,321', 'none is final yet', 'nobody watches this log']) {
      expect(page).toContain(told);
    }
  });

  it('shows every text as text', () => {
    const page = renderLogPage(figures);
    expect(page).toContain('freehold/&lt;i&gt;&amp;&quot;');
    expect(page).toContain('key&#39;');
    expect(page).not.toContain('<i>');
  });

  it('says of a chain of the operator alone that it adds no trust, and of a log without entries that it is empty', () => {
    const newest = {
      size: 1234560,
      chainId: 31337,
      txHash: '0xabc',
      blockNumber: 9,
      finality: 'one block',
      independentTrust: false,
      finalAt: '2026-11-26T12:00:05.000Z',
    };
    const page = renderLogPage({ ...figures, anchors: { ...figures.anchors, newest } });
    expect(page).toContain('adds no independent trust');
    expect(
      renderLogPage({ ...figures, size: 0, root: null, publishedAt: null, ageSeconds: null, hours: [] }),
    ).toContain('nothing is published yet');
  });
});

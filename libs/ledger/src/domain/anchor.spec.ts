import { type AnchorPace, isAnchorDue } from './anchor.js';

const due: AnchorPace = {
  publishedSize: 9,
  anchoredSize: 8,
  elapsedMs: 10_000,
  intervalMs: 10_000,
  urgent: false,
  urgentIntervalMs: 1_000,
  unmined: 0,
};

describe('isAnchorDue', () => {
  it.each<[string, Partial<AnchorPace>, boolean]>([
    ['something new, and the interval is over', {}, true],
    ['nothing new', { publishedSize: 8 }, false],
    ['nothing published yet', { publishedSize: 0, anchoredSize: 0, elapsedMs: null }, false],
    ['the first checkpoint of all', { anchoredSize: 0, elapsedMs: null }, true],
    ['too soon after the last', { elapsedMs: 9_999 }, false],
    ['too soon, but somebody asked for it at once', { elapsedMs: 1_000, urgent: true }, true],
    ['somebody asked for it at once, too soon even for that', { elapsedMs: 999, urgent: true }, false],
    ['asked for at once where the interval is shorter', { elapsedMs: 500, urgent: true, intervalMs: 500 }, true],
    ['asked for at once, while one is in no block', { urgent: true, unmined: 1 }, false],
    ['the last one is in no block yet', { unmined: 1 }, false],
    ['the database went back behind the anchor', { publishedSize: 7 }, false],
  ])('%s', (_what, change, expected) => {
    expect(isAnchorDue({ ...due, ...change })).toBe(expected);
  });
});

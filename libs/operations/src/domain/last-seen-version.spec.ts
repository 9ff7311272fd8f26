import { lastSeenVersion } from './last-seen-version.js';

describe('lastSeenVersion', () => {
  it.each([
    [undefined, 7, 0],
    ['', 7, 0],
    ['3', 7, 3],
    ['7', 7, 7],
    ['8', 7, 0],
    ['-1', 7, 0],
    ['1e3', 7, 0],
    ['99999999999', 7, 0],
    [['3', '4'], 7, 0],
  ])('%p at version %p is %p', (header, current, seen) => {
    expect(lastSeenVersion(header, current)).toBe(seen);
  });
});

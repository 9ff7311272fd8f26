import { readStackOptions, UsageError } from './stack-options.js';

describe('readStackOptions', () => {
  it('has one of each process unless told otherwise', () => {
    expect(readStackOptions([])).toEqual({ apiCount: 1, workerCount: 1, verbose: false });
    expect(readStackOptions(['--api', '2', '--worker=3', '--verbose'])).toEqual({
      apiCount: 2,
      workerCount: 3,
      verbose: true,
    });
  });

  it('gives null for help', () => {
    expect(readStackOptions(['--help'])).toBeNull();
    expect(readStackOptions(['-h'])).toBeNull();
  });

  it.each([
    [['--api', '0']],
    [['--api', '17']],
    [['--api', 'two']],
    [['--worker', '1.5']],
    [['--workers', '2']],
    [['up']],
  ])('refuses %j with what to do', (args) => {
    expect(() => readStackOptions(args)).toThrow(UsageError);
    expect(() => readStackOptions(args)).toThrow(/must be a whole number from 1 to 16|Usage: npm start/);
  });
});

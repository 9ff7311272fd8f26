import { loadSettings, SettingError } from '#config';
import { renderBanner } from './banner.js';
import { Stack } from './stack.js';
import { StackConsole } from './stack-console.js';
import { readStackOptions, type StackOptions, USAGE, UsageError } from './stack-options.js';

const EXIT_ERROR = 1;
const EXIT_USAGE = 2;

/** `npm start`: everything on this machine, until it is told to end. */
async function main(): Promise<number> {
  const options = readStackOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  return run(options);
}

async function run(options: StackOptions): Promise<number> {
  const settings = loadSettings();
  const console = new StackConsole(process.stdout, options.verbose);
  const stack = new Stack(settings, options, console);
  const asked = nextSignal(console);
  const failed = stack.start().then(
    (report) => {
      console.block(renderBanner(report, settings));
      return new Promise<never>(() => undefined);
    },
    (error: Error) => error,
  );
  const failure = await Promise.race([asked.then(() => null), failed]);
  if (failure) console.say(failure.message);
  await stack.stop();
  if (!failure) console.say('stopped');
  return failure ? EXIT_ERROR : 0;
}

/** Resolves at the first request to end; later ones only get an answer, because ending in order takes its time. */
function nextSignal(console: StackConsole): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        console.say(asked ? 'still stopping' : 'stopping');
        asked = true;
        resolve();
      });
    }
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof SettingError || error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = EXIT_USAGE;
}

import { clientVariables, type Setting, settingsList, TEST_PREFIX } from './settings-list.js';

type List = typeof settingsList;
type ValueOf<S> = S extends { kind: { schema: { _zod: { output: infer T } } } } ? T : never;
type IsRequired<S> = S extends { fallback: (earlier: never) => unknown } ? true : false;

/** Every setting of the services, read once at boot. `undefined` means: use the embedded part. */
export type Settings = Readonly<{
  [Name in keyof List]: IsRequired<List[Name]> extends true ? ValueOf<List[Name]> : ValueOf<List[Name]> | undefined;
}>;

/** A setting is wrong. The message is one line: which variable, which rule, how to mend it. Never holds a secret. */
export class SettingError extends Error {
  override name = 'SettingError';
  constructor(
    readonly variable: string,
    message: string,
  ) {
    super(`${variable}: ${message}`);
  }
}

/**
 * Reads the settings from environment variables. An empty variable counts as absent.
 * @throws SettingError for the first value that breaks its rule, and for a FREEHOLD_ variable that does not exist
 */
export function loadSettings(env: Record<string, string | undefined> = process.env): Settings {
  refuseUnknown(env);
  const values: Record<string, unknown> = {};
  for (const [name, setting] of entries()) {
    values[name] = readOne(setting, env[setting.variable], values);
  }
  const settings = values as Settings;
  refuseSharedPorts(settings);
  refusePartialDatabase(settings);
  refuseWitnessesThatAreNone(settings);
  return Object.freeze(settings);
}

/** The settings as they may be logged or shown: what may hold a credential only says that it is set. */
export function describeSettings(settings: Settings): Record<string, unknown> {
  return Object.fromEntries(
    entries().map(([name, setting]) => {
      const value = settings[name];
      return [name, setting.secret && value !== undefined ? '[redacted]' : value];
    }),
  );
}

/** The list in its order, with the type that all its members share. */
export function entries(): [keyof Settings, Setting][] {
  return Object.entries(settingsList) as unknown as [keyof Settings, Setting][];
}

function readOne(setting: Setting, text: string | undefined, earlier: Record<string, unknown>): unknown {
  if (text === undefined || text === '') return setting.fallback?.(earlier);
  const parsed = setting.kind.schema.safeParse(text);
  if (parsed.success) return parsed.data;
  const found = setting.secret ? '' : `, but is ${JSON.stringify(shortened(text))}`;
  throw new SettingError(
    setting.variable,
    `must be ${setting.kind.rule}${found}; set it like ${setting.variable}=${setting.example}, or leave it out (default: ${setting.fallbackText.replaceAll('`', '')})`,
  );
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

function refuseUnknown(env: Record<string, string | undefined>): void {
  const known = [...entries().map(([, setting]) => setting.variable), ...Object.keys(clientVariables)];
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith('FREEHOLD_') || variable.startsWith(TEST_PREFIX) || known.includes(variable)) continue;
    throw new SettingError(
      variable,
      `is not a setting; did you mean ${closest(variable, known)}? docs/settings.md lists them all`,
    );
  }
}

function refuseSharedPorts(settings: Settings): void {
  const ports: [variable: string, port: number][] = [
    [settingsList.apiPort.variable, settings.apiPort],
    [settingsList.dataPort.variable, settings.dataPort],
    [settingsList.workerPort.variable, settings.workerPort],
  ];
  for (const [index, [variable, port]] of ports.entries()) {
    const other = ports.slice(0, index).find(([, taken]) => taken === port && port !== 0);
    if (other) throw new SettingError(variable, `port ${port} is also that of ${other[0]}; give each its own port`);
  }
}

/** Two logins without the third would silently mix an outside database with the embedded one. */
function refusePartialDatabase(settings: Settings): void {
  const { databaseApiUrl, databaseSystemUrl, databaseUrl } = settings;
  if (databaseUrl !== undefined && (databaseApiUrl === undefined) !== (databaseSystemUrl === undefined)) {
    const missing = databaseApiUrl === undefined ? 'DATABASE_API_URL' : 'DATABASE_SYSTEM_URL';
    throw new SettingError(missing, 'must be set when the other login is; set both, or leave both out');
  }
}

/** More than there are could never be reached, and with nobody to ask nothing would ever be published. */
function refuseWitnessesThatAreNone({ witnesses, witnessThreshold, witnessRequired }: Settings): void {
  const { witnessThreshold: threshold, witnessRequired: required } = settingsList;
  if (witnesses.length > 0 && witnessThreshold > witnesses.length) {
    throw new SettingError(
      threshold.variable,
      `asks for ${witnessThreshold} of ${witnesses.length} witnesses; name more in FREEHOLD_WITNESSES, or ask for fewer`,
    );
  }
  if (witnessRequired && witnesses.length === 0) {
    throw new SettingError(
      required.variable,
      'must be false while FREEHOLD_WITNESSES names nobody; name them, or leave it out',
    );
  }
}

/** The known name with the fewest edits (Levenshtein). */
function closest(word: string, known: string[]): string {
  const ranked = known.map((name) => ({ name, distance: editDistance(word, name) }));
  ranked.sort((a, b) => a.distance - b.distance);
  return ranked[0]?.name ?? '';
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

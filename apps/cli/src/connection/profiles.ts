import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../cli-errors.js';
import { replacePrivateFile } from './private-file.js';

/** An API and the key for it, under a name. */
export interface Profile {
  url: string;
  apiKey: string;
}

interface ProfileFile {
  /** The profile that is taken when none is named. */
  current: string;
  profiles: Record<string, Profile>;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
export const DEFAULT_PROFILE = 'default';

/** Where the configuration is; what else the command keeps is in the same folder. */
export function configPath(env: Record<string, string | undefined>): string {
  const folder = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config');
  return env.FREEHOLD_CONFIG || join(folder, 'freehold', 'config.json');
}

/** The command's configuration file: readable by its owner only, because it holds API keys. */
export class Profiles {
  readonly path: string;

  constructor(env: Record<string, string | undefined>) {
    this.path = configPath(env);
  }

  /** The profile of that name, or the current one; null when there is none. @throws UsageError for a name that is not there */
  find(name?: string): Profile | null {
    const { current, profiles } = this.read();
    if (name === undefined) return profiles[current] ?? null;
    const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
    if (profile) return profile;
    const known = Object.keys(profiles);
    throw new UsageError(
      `there is no profile ${JSON.stringify(name)} in ${this.path}; ${known.length > 0 ? `there are: ${known.join(', ')}` : 'make one with "freehold login"'}`,
    );
  }

  list(): { name: string; url: string; current: boolean }[] {
    const { current, profiles } = this.read();
    return Object.entries(profiles).map(([name, { url }]) => ({ name, url, current: name === current }));
  }

  /** Keeps a profile and makes it the current one. */
  save(name: string, profile: Profile): void {
    if (!NAME.test(name)) throw new UsageError('a profile is named with letters, digits, dots, dashes and underscores');
    const { profiles } = this.read();
    this.write({ current: name, profiles: { ...profiles, [name]: profile } });
  }

  /** @throws UsageError when it is not there */
  remove(name: string): void {
    this.find(name);
    const { current, profiles } = this.read();
    const { [name]: _removed, ...rest } = profiles;
    this.write({ current: current === name ? (Object.keys(rest)[0] ?? DEFAULT_PROFILE) : current, profiles: rest });
  }

  private write(file: ProfileFile): void {
    replacePrivateFile(this.path, `${JSON.stringify(file, null, 2)}\n`);
  }

  private read(): ProfileFile {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { current: DEFAULT_PROFILE, profiles: {} };
      throw error;
    }
    const file = parse(text);
    if (!file)
      throw new UsageError(`${this.path} is not a configuration file of this command; mend it or move it away`);
    return file;
  }
}

function parse(text: string): ProfileFile | null {
  try {
    const { current, profiles } = JSON.parse(text) as ProfileFile;
    const sound = Object.values(profiles).every(
      ({ url, apiKey }) => typeof url === 'string' && typeof apiKey === 'string',
    );
    return sound && typeof current === 'string' ? { current, profiles } : null;
  } catch {
    return null;
  }
}

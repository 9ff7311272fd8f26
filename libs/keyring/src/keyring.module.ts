import { type DynamicModule, Module } from '@nestjs/common';
import { CommandKek } from './command-kek.js';
import { FileKek } from './file-kek.js';
import { Kek } from './kek.js';
import { Keyring } from './keyring.js';
import { ServiceKeys } from './service-keys.js';

export interface KeyringOptions {
  /** Where the key-encryption key lies in development; not touched when there is a command. */
  kekFile: string;
  /** The command that holds it in production (see CommandKek). */
  kekCommand?: string;
}

export function createKek(options: KeyringOptions): Kek {
  return options.kekCommand ? new CommandKek(options.kekCommand) : new FileKek(options.kekFile);
}

/** The process's keyring. Needs DatabaseModule. */
@Module({})
export class KeyringModule {
  static forRoot(options: KeyringOptions): DynamicModule {
    return {
      module: KeyringModule,
      global: true,
      providers: [{ provide: Keyring, useFactory: () => new Keyring(createKek(options)) }, ServiceKeys],
      exports: [Keyring, ServiceKeys],
    };
  }
}

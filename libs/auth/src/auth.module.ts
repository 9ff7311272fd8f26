import { Module } from '@nestjs/common';
import { ServiceKeys } from '#keyring';
import { ApiKeyHasher } from './api-key.js';

/** The service key under which secrets of API keys are hashed. Made by the operator's bootstrap, before any key is. */
const API_KEY_HMAC = 'api-key-hmac';

/** Hashing of API keys. Needs KeyringModule, which is global. */
@Module({
  providers: [
    {
      provide: ApiKeyHasher,
      inject: [ServiceKeys],
      useFactory: async (keys: ServiceKeys) =>
        new ApiKeyHasher((await keys.getOrCreate(API_KEY_HMAC, 'symmetric-256')).revealSecret()),
    },
  ],
  exports: [ApiKeyHasher],
})
export class AuthModule {}

import { Injectable } from '@nestjs/common';
import { Database, postgresErrorOf } from '#database';
import { SealBrokenError, ServiceKeyMissingError } from './keyring.errors.js';
import { Keyring } from './keyring.js';
import { newSecret, type ServiceKeyAlgorithm, type ServiceKeyTypes, serviceKey } from './service-key.js';

const INSUFFICIENT_PRIVILEGE = '42501';
const NAME = /^[a-z][a-z0-9-]{0,62}$/;

interface ServiceKeyRow {
  version: number;
  algorithm: ServiceKeyAlgorithm;
  public_key: Buffer | null;
  sealed: Buffer;
}

/**
 * Freehold's own named keys (log signer, API-key HMAC, chain accounts), sealed in the table service_key. The first process
 * that asks for a name makes the key, all others get the same one. Only the system role may make one; the api role reads.
 */
@Injectable()
export class ServiceKeys {
  private readonly opened = new Map<string, Promise<ServiceKeyTypes[ServiceKeyAlgorithm]>>();

  constructor(
    private readonly database: Database,
    private readonly keyring: Keyring,
  ) {}

  /**
   * The newest key of that name; made when there is none. `name` is lower-case words joined by dashes.
   * @throws KekUnavailableError, SealBrokenError; ServiceKeyMissingError in a process that may not make it
   */
  getOrCreate<A extends ServiceKeyAlgorithm>(name: string, algorithm: A): Promise<ServiceKeyTypes[A]> {
    if (!NAME.test(name))
      throw new TypeError(`${name}: the name of a service key is lower-case words joined by dashes`);
    const cacheKey = `${algorithm} ${name}`;
    let opening = this.opened.get(cacheKey);
    if (!opening) {
      opening = this.load(name, algorithm).catch((error: unknown) => {
        this.opened.delete(cacheKey);
        throw error;
      });
      this.opened.set(cacheKey, opening);
    }
    return opening as Promise<ServiceKeyTypes[A]>;
  }

  /** One version of a key. @throws KekUnavailableError, SealBrokenError; ServiceKeyMissingError when there is none */
  async version<A extends ServiceKeyAlgorithm>(
    name: string,
    algorithm: A,
    version: number,
  ): Promise<ServiceKeyTypes[A]> {
    const [row] = await this.database.query<ServiceKeyRow>(
      'SELECT version, algorithm, public_key, sealed FROM service_key WHERE name = $1 AND version = $2',
      [name, version],
    );
    if (!row) throw new ServiceKeyMissingError(`${name} v${version}`);
    return this.open(name, algorithm, row);
  }

  /**
   * Draws a further version of a key without storing it: for keys that are changed with everything that follows from it in
   * one transaction, which stores `sealed`.
   */
  async draw<A extends ServiceKeyAlgorithm>(
    name: string,
    algorithm: A,
    version: number,
  ): Promise<{ key: ServiceKeyTypes[A]; sealed: Uint8Array }> {
    const secret = newSecret(algorithm);
    const sealed = await this.keyring.seal(secret, aad(name, version, algorithm));
    return { key: serviceKey(algorithm, name, version, secret), sealed };
  }

  private async load<A extends ServiceKeyAlgorithm>(name: string, algorithm: A): Promise<ServiceKeyTypes[A]> {
    return this.open(name, algorithm, (await this.find(name)) ?? (await this.create(name, algorithm)));
  }

  private async open<A extends ServiceKeyAlgorithm>(
    name: string,
    algorithm: A,
    row: ServiceKeyRow,
  ): Promise<ServiceKeyTypes[A]> {
    if (row.algorithm !== algorithm) {
      throw new SealBrokenError(`the service key ${name} is ${row.algorithm}, but ${algorithm} was asked for`);
    }
    const secret = await this.keyring.open(row.sealed, aad(name, row.version, algorithm));
    const key = serviceKey(algorithm, name, row.version, secret);
    // A public key that was exchanged in the table would have others trust a key that is not ours.
    const agrees = key.publicKey === null ? row.public_key === null : row.public_key?.equals(key.publicKey);
    if (!agrees) throw new SealBrokenError(`the public half of the service key ${name} is not the one of its secret`);
    return key;
  }

  private async find(name: string): Promise<ServiceKeyRow | undefined> {
    const [row] = await this.database.query<ServiceKeyRow>(
      'SELECT version, algorithm, public_key, sealed FROM service_key WHERE name = $1 ORDER BY version DESC LIMIT 1',
      [name],
    );
    return row;
  }

  /** Of several processes one inserts; the others wait for its commit and read what it made. */
  private async create(name: string, algorithm: ServiceKeyAlgorithm): Promise<ServiceKeyRow> {
    const version = 1;
    const { key, sealed } = await this.draw(name, algorithm, version);
    try {
      await this.database.query(
        `INSERT INTO service_key (name, version, algorithm, public_key, sealed) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (name, version) DO NOTHING`,
        [name, version, algorithm, key.publicKey, sealed],
      );
    } catch (error) {
      if (postgresErrorOf(error)?.code !== INSUFFICIENT_PRIVILEGE) throw error;
      throw new ServiceKeyMissingError(name, { cause: error });
    }
    const row = await this.find(name);
    if (!row) throw new SealBrokenError(`the service key ${name} vanished as it was made`);
    return row;
  }
}

/** Binds a sealed secret to its row: it opens under no other name, version or algorithm. */
function aad(name: string, version: number, algorithm: ServiceKeyAlgorithm): Uint8Array {
  return Buffer.from(`freehold/service-key/v1\n${name}\n${version}\n${algorithm}\n`);
}

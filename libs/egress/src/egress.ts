import type { Cidr } from '#ip';
import { requirePermittedAddress } from './address-policy.js';
import { EgressRefusedError } from './egress.errors.js';
import { NameResolver } from './name-resolver.js';
import { type EgressOutcome, type Post, postToAddress } from './post-to-address.js';
import { hostOf, parseTargetUrl } from './target-url.js';

export abstract class EgressOptions {
  /** Networks that may be reached though they are not public. */
  abstract readonly egressAllow: readonly Cidr[];
  /** Whether plain HTTP may be spoken; for development alone. */
  abstract readonly egressHttp: 'refuse' | 'allow';
  /** `address[:port]` of the DNS servers to ask for tenants' names; those of the system when there are none. */
  abstract readonly egressDns: readonly string[];
}

/** How an attempt ended, and how long it took. */
export type PostResult = (EgressOutcome | { failure: 'refused' | 'dns' }) & { durationMs: number };

const MAX_REPLY_BYTES = 64 * 1024;
/** A name may have addresses that are not reached from here: so many are tried. */
const MOST_ADDRESSES_TRIED = 3;

/**
 * The one way out to addresses that tenants name. A URL is parsed, its name is looked up once, every address that it has must
 * be a public one or allowed by the operator, and the connection is made to exactly such an address: there is no second
 * lookup that could answer differently. Nothing follows redirects.
 */
export class Egress {
  private readonly resolver: NameResolver;

  constructor(private readonly options: EgressOptions) {
    this.resolver = new NameResolver(options.egressDns);
  }

  /**
   * Whether a URL could be posted to now. @returns the URL in its one spelling
   * @throws EgressRefusedError, also when the name cannot be looked up
   */
  async check(text: string): Promise<string> {
    const url = this.parse(text);
    const addresses = await this.resolver.addresses(hostOf(url)).catch(() => []);
    if (addresses.length === 0) {
      throw new EgressRefusedError(
        'url.host-resolves',
        'its host has no address',
        'use the name of a host that the DNS knows, or try again when it does',
      );
    }
    this.requirePermitted(addresses);
    return url.href;
  }

  /**
   * Posts to a URL, in at most so long. Anything that goes wrong with the receiver is a result; nothing is thrown but what
   * `signal` aborts with, when the process is to end.
   */
  async post(
    text: string,
    post: Post,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  ): Promise<PostResult> {
    const began = performance.now();
    const stop = new AbortController();
    const end = () => stop.abort();
    // By hand: AbortSignal.any would keep a trace of each post for as long as the process's own signal lives.
    const timer = setTimeout(end, timeoutMs);
    signal.addEventListener('abort', end);
    try {
      if (signal.aborted) throw signal.reason;
      const outcome = await this.attempt(text, post, stop.signal);
      if ('failure' in outcome && signal.aborted) throw signal.reason;
      return { ...outcome, durationMs: Math.round(performance.now() - began) };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
    }
  }

  private async attempt(
    text: string,
    post: Post,
    signal: AbortSignal,
  ): Promise<EgressOutcome | { failure: 'refused' | 'dns' }> {
    let url: URL;
    let addresses: string[];
    try {
      url = this.parse(text);
      addresses = await beforeAbort(this.resolver.addresses(hostOf(url)), signal);
      this.requirePermitted(addresses);
    } catch (error) {
      if (error instanceof EgressRefusedError) return { failure: 'refused' };
      return { failure: signal.aborted ? 'timeout' : 'dns' };
    }
    let outcome: EgressOutcome | { failure: 'dns' } = { failure: 'dns' };
    for (const address of addresses.slice(0, MOST_ADDRESSES_TRIED)) {
      outcome = await postToAddress(url, address, post, { signal, maxReplyBytes: MAX_REPLY_BYTES });
      // Nothing was sent where there was no connection: the next address is no second delivery.
      if (!('failure' in outcome) || outcome.failure !== 'connect') break;
    }
    return outcome;
  }

  private parse(text: string): URL {
    return parseTargetUrl(text, { allowHttp: this.options.egressHttp === 'allow' });
  }

  /** All of them: a name that also leads inside is not one to be trusted with the choice. */
  private requirePermitted(addresses: readonly string[]): void {
    for (const address of addresses) requirePermittedAddress(address, this.options.egressAllow);
  }
}

async function beforeAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

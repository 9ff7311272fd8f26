import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';

const TIMEOUT_MS = 2_000;
const TRIES = 2;
const MOST_ADDRESSES = 16;
/** A name without addresses of one version is no failure when it has some of the other. */
const NO_ADDRESSES = new Set(['ENODATA', 'ENOTFOUND']);

/**
 * Looks names up in the DNS itself. Not the way of the operating system: that also reads /etc/hosts and search domains,
 * where the operator's own names are, and keeps a thread of the process for each name whose servers are slow.
 */
export class NameResolver {
  private readonly resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });

  /** @param servers `address` or `address:port` of the servers to ask; those of the system when there are none */
  constructor(servers: readonly string[]) {
    if (servers.length > 0) this.resolver.setServers(servers);
  }

  /** The addresses of a host, which may be one already; none when the name has none. Rejects when no server answers. */
  async addresses(host: string): Promise<string[]> {
    if (isIP(host) !== 0) return [host];
    const answers = await Promise.allSettled([this.resolver.resolve4(host), this.resolver.resolve6(host)]);
    for (const answer of answers) {
      if (answer.status === 'rejected' && !NO_ADDRESSES.has((answer.reason as { code?: string }).code ?? '')) {
        throw answer.reason;
      }
    }
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])).slice(0, MOST_ADDRESSES);
  }
}

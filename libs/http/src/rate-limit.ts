/** Token buckets in this process's memory: several API processes each count alone. */

const MINUTE_MS = 60_000;
/** What one request costs. A bucket of n requests a minute gains n units a millisecond, so that all is whole numbers. */
const TOKEN = MINUTE_MS;
const MOST_KEYS = 10_000;

interface Bucket {
  /** Units left at the instant `at`. */
  level: number;
  /** Milliseconds of the caller's clock. */
  at: number;
}

/** What a bucket says after a request. */
export interface RateDecision {
  admitted: boolean;
  /** Requests that would be admitted now. */
  remaining: number;
  /** Seconds, rounded up, until the bucket is full again. */
  resetSeconds: number;
  /** Seconds, rounded up, until one more request is admitted; 0 when it would be now. */
  retryAfterSeconds: number;
}

/**
 * One bucket for each key, holding a minute's worth of requests and refilled steadily. Only the keys used last are kept: one
 * that is forgotten starts full.
 */
export class TokenBuckets {
  private readonly buckets = new Map<string, Bucket>();
  private readonly capacity: number;

  /**
   * @param perMinute requests, at least 1
   * @param mostKeys buckets kept at once
   */
  constructor(
    readonly perMinute: number,
    private readonly mostKeys = MOST_KEYS,
  ) {
    this.capacity = perMinute * TOKEN;
  }

  get size(): number {
    return this.buckets.size;
  }

  /** Takes one request from a key's bucket. @param now whole milliseconds of a clock that never goes back */
  take(key: string, now: number): RateDecision {
    const bucket = this.buckets.get(key) ?? { level: this.capacity, at: now };
    bucket.level = this.levelOf(bucket, now);
    bucket.at = now;
    const admitted = bucket.level >= TOKEN;
    if (admitted) bucket.level -= TOKEN;
    // A Map keeps the order of insertion: the first key is the one not used for longest.
    this.buckets.delete(key);
    this.buckets.set(key, bucket);
    if (this.buckets.size > this.mostKeys) this.buckets.delete(this.buckets.keys().next().value as string);
    return this.decision(bucket.level, admitted);
  }

  /** What `take` would say now, with nothing taken. */
  look(key: string, now: number): RateDecision {
    const bucket = this.buckets.get(key);
    const level = bucket ? this.levelOf(bucket, now) : this.capacity;
    return this.decision(level, level >= TOKEN);
  }

  private levelOf({ level, at }: Bucket, now: number): number {
    return Math.min(this.capacity, level + Math.min(now - at, MINUTE_MS) * this.perMinute);
  }

  private decision(level: number, admitted: boolean): RateDecision {
    const secondsFor = (units: number) => Math.max(0, Math.ceil(units / this.perMinute / 1000));
    return {
      admitted,
      remaining: Math.floor(level / TOKEN),
      resetSeconds: secondsFor(this.capacity - level),
      retryAfterSeconds: secondsFor(TOKEN - level),
    };
  }
}

/**
 * Whom failures are counted for: an IPv4 address, or the /64 of an IPv6 one, which is what one customer gets at least.
 * @param ip as Node.js writes a peer's address
 */
export function clientNetwork(ip: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(ip)?.[1];
  if (mapped !== undefined || !ip.includes(':')) return mapped ?? ip;
  const [head = '', tail = ''] = ip.replace(/%.*$/, '').split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => '0');
  return `${[...first, ...zeros, ...last].slice(0, 4).join(':')}::/64`;
}

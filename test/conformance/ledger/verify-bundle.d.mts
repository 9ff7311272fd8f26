/** What a verifier knows from elsewhere: the log's verifier key, the tenant's view key and root key in base64. */
export interface Pins {
  vkey?: string;
  viewKey?: string;
  rootKey?: string;
}

/** Whatever does not hold. */
export class Refused extends Error {}

export function linesOf(stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array>;

/** @throws Refused */
export function verifyBundle(
  lines: AsyncIterable<Uint8Array>,
  pins?: Pins,
): Promise<{ tenant: string; leaves: number; entries: number; erased: number; complete: boolean }>;

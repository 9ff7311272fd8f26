/** How long a witness that failed is left alone, in milliseconds: twice as long each time. */
export interface WitnessPatience {
  firstMs: number;
  mostMs: number;
}

/** What an ask came to. */
export type AskOutcome =
  /** It cosigned the head that it was asked for. */
  | { kind: 'cosigned' }
  /** It has cosigned a larger head of this log, which will come as the next one. */
  | { kind: 'ahead'; size: number }
  | { kind: 'failed' };

interface Member {
  /** Size of the head that it is being asked for now. */
  asked: number | null;
  cosigned: number;
  failures: number;
  /** Not before this time. */
  dueAt: number;
  /** It cannot sign a head below this size any more. */
  aheadOf: number;
}

/**
 * Which head is to be cosigned, and by whom. One head at a time is the candidate: if every witness were asked for the newest
 * head whenever it was free, no head might ever have enough of them. A newer head takes the place of the candidate when that
 * is done, or when nobody is left who could complete it now.
 */
export class WitnessRounds<Head extends { size: number }> {
  private readonly members: Map<string, Member>;
  private current: Head | null = null;
  private newest: Head | null = null;
  private cosigners = new Set<string>();

  constructor(
    witnesses: readonly string[],
    readonly threshold: number,
    private readonly patience: WitnessPatience,
  ) {
    const fresh = (): Member => ({ asked: null, cosigned: 0, failures: 0, dueAt: 0, aheadOf: 0 });
    this.members = new Map(witnesses.map((witness) => [witness, fresh()]));
  }

  get candidate(): Head | null {
    return this.current;
  }

  /** Whether the candidate has enough cosignatures. */
  get complete(): boolean {
    return this.current !== null && this.cosigners.size >= this.threshold;
  }

  /** A head to be cosigned. Only the newest one that waits is kept; the candidate's own size comes from a later signer. */
  offer(head: Head): void {
    if (this.current?.size === head.size) this.current = head;
    if (head.size > (this.newest ?? this.current ?? { size: 0 }).size) this.newest = head;
  }

  /** Gives the candidate up: what was cosigned of it counts for nothing. */
  drop(): void {
    this.current = null;
    this.cosigners = new Set();
  }

  /** Whether a newer head would become the candidate at once. */
  wantsNewer(now: number): boolean {
    return this.newest === null && (this.current === null || this.complete || this.stalled(now));
  }

  /** Moves on to the newest head, if that is due, and gives the witnesses to be asked for the candidate now. */
  asks(now: number): string[] {
    if (this.newest && (this.current === null || this.complete || this.stalled(now))) {
      this.drop();
      this.current = this.newest;
      this.newest = null;
    }
    const { current } = this;
    if (!current) return [];
    const due = [...this.members].filter(([name, member]) => this.mayBeAsked(name, member, current, now));
    for (const [, member] of due) member.asked = current.size;
    return due.map(([name]) => name);
  }

  /** An ask for a head of `size` has come to its end. */
  settle(witness: string, size: number, outcome: AskOutcome, now: number): void {
    const member = this.members.get(witness)!;
    member.asked = null;
    if (outcome.kind === 'failed') {
      member.dueAt = now + Math.min(this.patience.firstMs * 2 ** member.failures, this.patience.mostMs);
      member.failures += 1;
      return;
    }
    member.failures = 0;
    member.dueAt = 0;
    if (outcome.kind === 'ahead') {
      member.aheadOf = Math.max(member.aheadOf, outcome.size);
      return;
    }
    member.cosigned = Math.max(member.cosigned, size);
    if (this.current?.size === size) this.cosigners.add(witness);
  }

  /** When the next witness is to be asked again that is left alone now; null when none is. */
  nextDue(now: number): number | null {
    const waiting = [...this.members].filter(([name, member]) => member.dueAt > now && !this.cosigners.has(name));
    return waiting.length === 0 ? null : Math.min(...waiting.map(([, member]) => member.dueAt));
  }

  private mayBeAsked(name: string, member: Member, { size }: Head, now: number): boolean {
    return member.asked === null && member.dueAt <= now && member.aheadOf <= size && !this.cosigners.has(name);
  }

  /** Nobody who is being asked, or may be asked now, could complete the candidate. */
  private stalled(now: number): boolean {
    const { current } = this;
    if (!current) return false;
    const hopes = [...this.members].filter(
      ([name, member]) => member.asked === current.size || this.mayBeAsked(name, member, current, now),
    );
    return this.cosigners.size + hopes.length < this.threshold;
  }
}

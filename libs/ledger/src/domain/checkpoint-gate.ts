import type { LogHead } from './rollback-guard.js';

/** A head that the log's key has signed and the head file holds, so that no restart can sign another one in its place. */
export interface SignedHead extends LogHead {
  /** The signed note, with the log's signature alone. */
  note: string;
  /** Of the sequencer that signed it; its writes are refused once there is a newer one. */
  epoch: number;
}

/** Decides when a signed head is published: at once, or when enough witnesses have cosigned it. */
export abstract class CheckpointGate {
  /** False while a head is under way that must be settled first; what comes meanwhile goes into the next one. */
  abstract ready(): boolean;
  /** Takes a signed head. When it returns, the head is published or on its way. @throws EpochLostError */
  abstract pass(head: SignedHead): Promise<void>;
}

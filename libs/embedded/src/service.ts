/** Something that can be brought up again and again: a child process, a database server, a chain. */
export interface Service {
  readonly name: string;
  /**
   * Brings it up and resolves when it answers. An abort ends the attempt, leaves nothing running and rejects.
   */
  start(signal: AbortSignal): Promise<RunningService>;
}

/** One life of a service. */
export interface RunningService {
  readonly pid: number | null;
  /** Resolves, with the reason in words, when it ended, whoever ended it. Never rejects. */
  readonly died: Promise<string>;
  /** Ends it, by force after its own deadline. Resolves when it is gone. */
  stop(): Promise<void>;
}

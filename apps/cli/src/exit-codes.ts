/** What a script learns from how the command ended. */
export const EXIT = {
  ok: 0,
  error: 1,
  /** The command line is wrong. */
  usage: 2,
  /** No credential, a bad one, or one that may not do this. */
  auth: 4,
  /** The state of things stands in the way: in use, taken, over a quota, changed in between. */
  conflict: 5,
  /** A receipt, a bundle, a disclosure, a log or restored data is not what it claims to be. */
  verification: 6,
  /** What was checked holds, but nobody pinned the log's key, and that was required. */
  notPinned: 7,
  /** What was checked holds, but too few of the named witnesses signed. */
  tooFewWitnesses: 8,
  /** What was checked holds, but its anchor is missing, or not proven as required. */
  notAnchored: 9,
  /** The log showed another history before: a split view, or a rollback. */
  inconsistent: 10,
  /** What was checked holds, but the actor's signature is missing, and that was required. */
  notSigned: 11,
  /** Nothing in the evidence is false, and it does not prove what it is about. */
  notProven: 12,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

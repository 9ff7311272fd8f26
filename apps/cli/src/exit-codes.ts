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
  /** A receipt, a bundle or restored data is not what it claims to be. */
  verification: 6,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

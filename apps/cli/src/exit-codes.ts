/** What the command's exit code says. */
export const EXIT = { ok: 0, error: 1, usage: 2, auth: 4, conflict: 5, verification: 6 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

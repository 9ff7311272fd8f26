/**
 * A named place between two steps, where a test ends or stops a real process to see what a crash there leaves behind. In
 * production nothing ever arms them and a failpoint is one comparison: there is no setting, variable or request that does.
 * A test holds that `armFailpoints` is called by test code alone.
 */
export function failpoint(name: string): void {
  if (armed !== null) armed(name);
}

/** From here on each failpoint calls `reached` with its name. For test processes. */
export function armFailpoints(reached: (name: string) => void): void {
  armed = reached;
}

let armed: ((name: string) => void) | null = null;

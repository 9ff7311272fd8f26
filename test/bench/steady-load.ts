/** Calls `once` at a steady rate, however long each call takes. */
export function every(intervalMs: number, count: number, once: (n: number) => void): Promise<void> {
  const from = performance.now();
  let n = 0;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      for (const due = (performance.now() - from) / intervalMs; n < Math.min(due, count); n += 1) once(n);
      if (n < count) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
}

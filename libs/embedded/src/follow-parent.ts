/**
 * Loaded into every child (`node --import`): when the supervisor is gone, however it ended, the child ends too, and with the
 * same orderly shutdown as when it is asked to. The channel to the parent closes with the parent, even on `kill -9`.
 */
const SHUTDOWN_DEADLINE_MS = 15_000;

process.once('disconnect', () => {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), SHUTDOWN_DEADLINE_MS).unref();
});
process.channel?.unref();

export {};

export { ForgetReplies } from './forget-replies.js';
export { type Job, JobHandler, type JobProcessor } from './job-handler.js';
export type { RunningHandler } from './job-runner.js';
export * from './migrate-queue.js';
export * from './polling-loop.js';
export * from './queue.errors.js';
export { QueueModule } from './queue.module.js';
export { type QueueOptions, QueueRuntime, type QueueSurroundings } from './queue-runtime.js';

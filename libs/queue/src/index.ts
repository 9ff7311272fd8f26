export { type Job, JobHandler, type JobProcessor } from './job-handler.js';
export * from './migrate-queue.js';
export * from './polling-loop.js';
export * from './queue.errors.js';
export { QueueModule } from './queue.module.js';
export { type QueueOptions, QueueRuntime, type QueueSurroundings, type RegisteredHandler } from './queue-runtime.js';

export * from './clock.module.js';
export * from './health.js';
export * from './logger.js';
export * from './metrics.js';
export * from './nest-logger.js';
export * from './observe-requests.js';
export * from './telemetry.module.js';

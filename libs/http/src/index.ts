export * from './endpoint.js';
export * from './fastify-adapter.js';
export * from './http.module.js';
export * from './openapi.js';
export { pageView } from './page-view.js';
export { type Problem, problem } from './problem.js';
export { entityTag } from './reply.js';
export * from './schemas.js';
export { validate } from './validation.js';

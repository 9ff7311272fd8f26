export { type NewOperation, Operations, type OperationTarget } from './app/operations.js';
export type { OperationError } from './domain/operation.js';
export { OperationsApiModule, OperationsModule } from './operations.module.js';

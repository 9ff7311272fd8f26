/** What an operation is, and which of its states are final. */

export const OPERATION_STATES = ['running', 'succeeded', 'failed', 'cancelled'] as const;
export type OperationState = (typeof OPERATION_STATES)[number];

/** Why an operation failed, as in a problem document: a stable code and a sentence. Never a secret: its tenant reads it. */
export interface OperationError {
  code: string;
  detail: string;
}

export function isFinished({ state }: { state: OperationState }): boolean {
  return state !== 'running';
}

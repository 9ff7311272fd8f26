import { NOWHERE, resourceState } from './resource-state.js';

const at = (realizedGeneration: number, failure: string | null = null) => ({ realizedGeneration, failure });
const changedAt = (changedGeneration: number, deleting = false) => ({ changedGeneration, deleting });

describe('the state of a resource', () => {
  it.each([
    ['pending', changedAt(3), at(2)],
    ['available', changedAt(3), at(3)],
    ['available', changedAt(3), at(9)],
    ['deleting', changedAt(3, true), at(2)],
    ['deleting', changedAt(3, true), at(3)],
    ['failed', changedAt(3), at(2, 'no route to host')],
    ['failed', changedAt(3, true), at(2, 'no route to host')],
    ['available', changedAt(3), at(3, 'no route to host')],
    ['deleting', changedAt(1), { ...at(1), deleting: true }],
    ['available', changedAt(0), NOWHERE],
  ])('is %s for %j in a VPC at %j', (state, resource, vpc) => {
    expect(resourceState(resource, vpc)).toBe(state);
  });
});

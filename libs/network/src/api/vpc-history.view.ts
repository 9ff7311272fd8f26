import type { StateDocument } from '#topology';

/** The claims as they are, and beside them why. */
export const stateView = ({ claims, history }: StateDocument) => ({ ...claims, history });

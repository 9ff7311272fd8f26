/** Derived, never stored: what can be said of a resource from its own row and how far its VPC's data plane has come. */
export type ResourceState = 'pending' | 'available' | 'deleting' | 'failed';

export interface Realizable {
  deleting: boolean;
  /** The VPC's generation at the resource's last change. */
  changedGeneration: number;
}

export interface RealizationOfVpc {
  realizedGeneration: number;
  failure: string | null;
  /** What is in a VPC goes with it. */
  deleting?: boolean;
}

/** For what is in no VPC: there is nothing to be realised. */
export const NOWHERE: RealizationOfVpc = { realizedGeneration: Number.POSITIVE_INFINITY, failure: null };

export function resourceState(resource: Realizable, vpc: RealizationOfVpc): ResourceState {
  if (resource.changedGeneration > vpc.realizedGeneration && vpc.failure !== null) return 'failed';
  if (resource.deleting || vpc.deleting) return 'deleting';
  return resource.changedGeneration > vpc.realizedGeneration ? 'pending' : 'available';
}

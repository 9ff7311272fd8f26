import type { Tags } from '#tenancy';
import {
  NOWHERE,
  type Realizable,
  type RealizationOfVpc,
  type ResourceState,
  resourceState,
} from '../domain/resource-state.js';

/** A resource with what its reply needs beside its own row. */
export interface Placed<Resource> {
  resource: Resource;
  tags: Tags;
  state: ResourceState;
  failure: string | null;
}

/** A resource as it stands in its VPC at this moment. */
export function placedIn<Resource extends Realizable>(
  vpc: RealizationOfVpc,
  resource: Resource,
  tags: Tags,
): Placed<Resource> {
  const state = resourceState(resource, vpc);
  return { resource, tags, state, failure: state === 'failed' ? vpc.failure : null };
}

/** A resource that is in no VPC. */
export function placedNowhere<Resource extends { deleting: boolean }>(
  resource: Resource,
  tags: Tags,
): Placed<Resource> {
  const state = resourceState({ deleting: resource.deleting, changedGeneration: 0 }, NOWHERE);
  return { resource, tags, state, failure: null };
}

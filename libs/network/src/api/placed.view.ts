import type { Placed } from '../app/placed.js';

/** The fields of `placedFields`. */
export function placedView({ resource, tags, state, failure }: Placed<{ version: number; createdAt: Date }>) {
  return { state, failure, tags, version: resource.version, createdAt: resource.createdAt.toISOString() };
}

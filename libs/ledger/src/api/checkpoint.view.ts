import { toHex } from '#merkle';
import type { PublishedHead } from '../infra/open-log.repository.js';

/** A published checkpoint as events carry it. */
export const checkpointView = ({ size, root, note }: PublishedHead) => ({ size, root: toHex(root), checkpoint: note });

import { Injectable } from '@nestjs/common';
import type { Page, PageRequest } from '#database';
import { type AnchorId, NotFoundError } from '#kernel';
import type { AnchorPromise, AnchorProof } from '#proof';
import { type OpenAnchor, type OpenAnchorFilter, StoredAnchorDirectory } from '../infra/stored-anchor-directory.js';

/** The anchors as everybody may read them: they name heads of the open log and nobody's entries. */
@Injectable()
export class AnchorQueries {
  constructor(private readonly anchors: StoredAnchorDirectory) {}

  /** @throws NotFoundError */
  async get(id: AnchorId): Promise<OpenAnchor> {
    const anchor = await this.anchors.find(id);
    if (!anchor) throw new NotFoundError('anchor', id);
    return anchor;
  }

  /** @throws NotFoundError when there is no such anchor, or no proof of it */
  async proof(id: AnchorId): Promise<AnchorProof> {
    await this.get(id);
    const proof = await this.anchors.proofOf(id);
    if (!proof) throw new NotFoundError('anchor proof', id);
    return proof;
  }

  /** The promise for the smallest head that covers the leaf. @throws NotFoundError when it is anchored, or nothing is promised */
  async promise(index: number): Promise<AnchorPromise> {
    const promise = await this.anchors.promiseCovering(index);
    if (!promise) throw new NotFoundError('anchor promise for leaf', `${index}`);
    return promise;
  }

  list(page: PageRequest, filter: OpenAnchorFilter): Promise<Page<OpenAnchor>> {
    return this.anchors.page(page, filter);
  }
}

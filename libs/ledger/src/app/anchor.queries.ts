import { Injectable } from '@nestjs/common';
import type { Page, PageRequest } from '#database';
import { type AnchorId, NotFoundError } from '#kernel';
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

  list(page: PageRequest, filter: OpenAnchorFilter): Promise<Page<OpenAnchor>> {
    return this.anchors.page(page, filter);
  }
}

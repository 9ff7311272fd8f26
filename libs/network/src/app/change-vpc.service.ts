import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '#database';
import { DependencyViolationError, type OpContext, type VpcId } from '#kernel';
import { TagRepository, type Tags } from '#tenancy';
import { VpcContents } from '../infra/vpc-contents.js';
import type { PlacedVpc } from './vpc.queries.js';
import { VpcEditor } from './vpc-editor.js';

export interface UpdateVpc {
  name?: string | null;
  tags?: Tags;
}

@Injectable()
export class ChangeVpcService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly editor: VpcEditor,
    private readonly contents: VpcContents,
    private readonly tags: TagRepository,
  ) {}

  update(ctx: OpContext, id: VpcId, input: UpdateVpc): Promise<PlacedVpc> {
    return this.uow.run(ctx, async (tx) => {
      const open = await this.editor.open(tx, ctx, id);
      if (input.name !== undefined) open.vpc.name = input.name;
      if (input.tags) await this.tags.replace(tx, ctx.tenantId, id, input.tags);
      return this.editor.close(tx, ctx, open, 'vpc.updated');
    });
  }

  /** Refused while anything lives in it; its main route table and blocks go with it. @throws DependencyViolationError */
  delete(ctx: OpContext, id: VpcId): Promise<PlacedVpc> {
    return this.uow.run(ctx, async (tx) => {
      const open = await this.editor.open(tx, ctx, id);
      const blockers = await this.contents.blockers(tx, ctx.tenantId, id);
      if (blockers.length > 0) throw new DependencyViolationError('vpc', id, blockers);
      open.vpc.deleting = true;
      return this.editor.close(tx, ctx, open, 'vpc.deleted');
    });
  }
}

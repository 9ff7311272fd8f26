import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { AddressPoolId, OpContext } from '#kernel';
import { AddressPoolQueries } from '../app/address-pool.queries.js';
import { type CreateAddressPool, ManageAddressPoolsService } from '../app/manage-address-pools.service.js';
import * as schemas from './address-pool.schemas.js';
import { addressPoolView } from './address-pool.view.js';

type PoolPath = { addressPoolId: AddressPoolId };

@Controller('v1/system/address-pools')
export class AddressPoolController {
  constructor(
    private readonly manage: ManageAddressPoolsService,
    private readonly queries: AddressPoolQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Create an address pool',
    permission: 'system:pool:write',
    body: schemas.createAddressPoolSchema,
    reply: schemas.changedAddressPoolSchema,
    view: addressPoolView,
  })
  create(@Op() op: OpContext, @BodyInput() input: CreateAddressPool) {
    return this.manage.create(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List address pools',
    permission: 'system:pool:read',
    query: schemas.addressPoolListQuery,
    reply: schemas.addressPoolPage,
    view: pageView(addressPoolView),
  })
  list(@Op() op: OpContext, @QueryInput() page: PageRequest) {
    return this.queries.list(op, page);
  }

  @Endpoint({
    method: 'GET',
    path: ':addressPoolId',
    summary: 'Read an address pool',
    permission: 'system:pool:read',
    params: schemas.addressPoolParams,
    reply: schemas.addressPoolSchema,
    view: addressPoolView,
  })
  get(@Op() op: OpContext, @PathInput() { addressPoolId }: PoolPath) {
    return this.queries.get(op, addressPoolId);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':addressPoolId',
    summary: 'Delete an address pool that no tenant uses',
    permission: 'system:pool:write',
    params: schemas.addressPoolParams,
    reply: schemas.changedAddressPoolSchema,
    view: addressPoolView,
  })
  delete(@Op() op: OpContext, @PathInput() { addressPoolId }: PoolPath) {
    return this.manage.delete(op, addressPoolId);
  }
}

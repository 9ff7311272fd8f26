import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput, recordedSchema } from '#http';
import type { OpContext, UserId } from '#kernel';
import { ManageUsersService, type UserInput } from '../app/manage-users.service.js';
import { TenancyQueries } from '../app/tenancy.queries.js';
import * as schemas from './tenancy.schemas.js';
import { userView } from './tenancy.views.js';

const changedUser = schemas.userSchema.extend(recordedSchema.shape);

@Controller('v1/users')
export class UsersController {
  constructor(
    private readonly manage: ManageUsersService,
    private readonly queries: TenancyQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Create a user',
    permission: 'user:write',
    body: schemas.createUserSchema,
    reply: changedUser,
    view: userView,
  })
  create(@Op() op: OpContext, @BodyInput() input: UserInput) {
    return this.manage.create(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List users',
    permission: 'user:read',
    query: schemas.listQuery,
    reply: schemas.userPage,
    view: pageView(userView),
  })
  list(@Op() op: OpContext, @QueryInput() page: PageRequest) {
    return this.queries.listUsers(op, page);
  }

  @Endpoint({
    method: 'GET',
    path: ':userId',
    summary: 'Read a user',
    permission: 'user:read',
    params: schemas.userParams,
    reply: schemas.userSchema,
    view: userView,
  })
  get(@Op() op: OpContext, @PathInput() { userId }: { userId: UserId }) {
    return this.queries.user(op, userId);
  }

  @Endpoint({
    method: 'PATCH',
    path: ':userId',
    summary: "Change a user's name or roles",
    permission: 'user:write',
    params: schemas.userParams,
    body: schemas.updateUserSchema,
    reply: changedUser,
    view: userView,
  })
  update(@Op() op: OpContext, @PathInput() { userId }: { userId: UserId }, @BodyInput() input: Partial<UserInput>) {
    return this.manage.update(op, userId, input);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':userId',
    summary: 'Delete a user that has no keys',
    permission: 'user:write',
    params: schemas.userParams,
    reply: changedUser,
    view: userView,
  })
  delete(@Op() op: OpContext, @PathInput() { userId }: { userId: UserId }) {
    return this.manage.delete(op, userId);
  }
}

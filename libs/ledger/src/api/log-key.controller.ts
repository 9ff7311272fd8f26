import { Controller } from '@nestjs/common';
import { Endpoint, Op } from '#http';
import type { OpContext } from '#kernel';
import { LogKeyQueries, type PublicLogKeys } from '../app/log-key.queries.js';
import { RotateLogKeyService } from '../app/rotate-log-key.service.js';
import * as schemas from './log-key.schemas.js';

/** The keys that the log signs with. */
@Controller('v1')
export class LogKeyController {
  constructor(
    private readonly queries: LogKeyQueries,
    private readonly rotate: RotateLogKeyService,
  ) {}

  @Endpoint({
    method: 'GET',
    path: 'log/keys',
    summary: 'The keys of the log: which checkpoints each signs, and the links from the first to the newest',
    permission: 'public',
    reply: schemas.logKeysSchema,
    view: logKeysView,
  })
  keys() {
    return this.queries.published();
  }

  @Endpoint({
    method: 'POST',
    path: 'system/log/keys',
    summary: 'Change the key of the log: draws a new one, which the old one endorses in an entry',
    permission: 'system:ledger:write',
    reply: schemas.startedRotationSchema,
  })
  start(@Op() op: OpContext) {
    return this.rotate.execute(op);
  }
}

function logKeysView({ keys, links, head }: PublicLogKeys) {
  return {
    keys: keys.map((key) => ({ ...key, createdAt: key.createdAt?.toISOString() ?? null })),
    checkpoint: head?.note ?? null,
    links,
  };
}

import { Controller } from '@nestjs/common';
import { BodyInput, Endpoint, Op, PathInput } from '#http';
import type { LedgerEntryId, OpContext } from '#kernel';
import { type EraseEntry, EraseEntryService } from '../app/erase-entry.service.js';
import { entryErasureSchema, eraseEntryBody } from './entry-erasure.schemas.js';
import { ledgerEntryParams } from './ledger-entry.schemas.js';

@Controller('v1/ledger')
export class EntryErasureController {
  constructor(private readonly erasure: EraseEntryService) {}

  @Endpoint({
    method: 'POST',
    path: 'entries/:entryId/erasures',
    summary: 'Erase what a ledger entry says, for good',
    description:
      'Its body and salt go, with every copy that this service keeps; the log stays verifiable. The erasure is an entry itself.',
    permission: 'ledger:erase',
    params: ledgerEntryParams,
    body: eraseEntryBody,
    reply: entryErasureSchema,
  })
  erase(@Op() op: OpContext, @PathInput() { entryId }: { entryId: LedgerEntryId }, @BodyInput() body: EraseEntry) {
    return this.erasure.execute(op, entryId, body);
  }
}

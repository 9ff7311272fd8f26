import { Controller } from '@nestjs/common';
import { BodyInput, Endpoint, Op } from '#http';
import type { OpContext } from '#kernel';
import { type DiscloseEntries, DiscloseEntriesService } from '../app/disclose-entries.service.js';
import { disclosedSchema, discloseEntriesBody } from './disclosure.schemas.js';

@Controller('v1/ledger/disclosures')
export class DisclosureController {
  constructor(private readonly disclosures: DiscloseEntriesService) {}

  @Endpoint({
    method: 'POST',
    summary: 'Open chosen ledger entries for somebody else, as a document that verifies offline',
    description:
      'Whoever gets the document sees these entries and nothing else of the tenant. The disclosure is an entry itself. Repeated with its Idempotency-Key, the document is made anew.',
    permission: 'ledger:disclose',
    body: discloseEntriesBody,
    reply: disclosedSchema,
    secretField: 'disclosure',
  })
  create(@Op() op: OpContext, @BodyInput() input: DiscloseEntries) {
    return this.disclosures.execute(op, input);
  }
}

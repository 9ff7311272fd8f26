import { DomainError } from '#kernel';

/** Where a URL may not be reached for a tenant: by its text, or by where its name leads now. Never says the address. */
export class EgressRefusedError extends DomainError {
  constructor(rule: string, message: string, fix: string, pointer = '/url') {
    super('invalid', 'EgressRefused', `${pointer}: ${message}`, { errors: [{ pointer, rule, message, fix }] });
  }
}

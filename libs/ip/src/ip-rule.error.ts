import { type FieldError, InvalidInputError } from '#kernel';

/**
 * A text, block or prefix breaks a rule. It knows nothing of requests: whoever knows which field the text came from adds
 * the JSON pointer, with `fieldError` or `atPointer`.
 */
export class IpRuleError extends Error {
  /**
   * @param rule stable dotted name, such as `ip.host-bits`
   * @param message what is wrong, with the offending value
   * @param fix what to write instead
   */
  constructor(
    readonly rule: string,
    message: string,
    readonly fix: string,
  ) {
    super(message);
    this.name = 'IpRuleError';
  }

  /** This error as one entry of a problem document. `pointer` is an RFC 6901 pointer into the request. */
  fieldError(pointer: string): FieldError {
    return { pointer, rule: this.rule, message: this.message, fix: this.fix };
  }
}

/** Runs `work`; a rule it breaks becomes an InvalidInputError of the field at `pointer` (RFC 6901). */
export function atPointer<T>(pointer: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof IpRuleError) throw new InvalidInputError([error.fieldError(pointer)]);
    throw error;
  }
}

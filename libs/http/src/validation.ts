import type { z } from 'zod';
import { type FieldError, InvalidInputError } from '#kernel';

type Issue = z.core.$ZodIssue;

/**
 * Validates one part of a request. Pointers are RFC 6901 and start with the part's name unless it is the body, whose
 * pointers are those of the document itself.
 * @throws InvalidInputError with every problem found, not just the first.
 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  part: 'path' | 'query' | 'header' | '' = '',
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new InvalidInputError(result.error.issues.flatMap((issue) => fieldErrors(issue, part)));
}

function pointerTo(path: readonly PropertyKey[], part: string): string {
  const segments = part === '' ? path : [part, ...path];
  return segments.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function fieldErrors(issue: Issue, part: string): FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: pointerTo([...issue.path, key], part),
      rule: 'field.known',
      message: 'there is no such field',
      fix: 'remove it; the fields of this request are in the API description at /docs',
    }));
  }
  const custom = issue.code === 'custom' ? (issue.params as { rule?: string; fix?: string } | undefined) : undefined;
  return [
    {
      pointer: pointerTo(issue.path, part),
      rule: custom?.rule ?? `field.${issue.code.replaceAll('_', '-')}`,
      message: issue.message,
      fix: custom?.fix ?? fixFor(issue),
    },
  ];
}

function fixFor(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `send a value of type ${issue.expected}`;
    case 'invalid_value':
      return `use one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `use at least ${issue.minimum}`;
    case 'too_big':
      return `use at most ${issue.maximum}`;
    case 'invalid_format':
      return issue.format === 'regex'
        ? `match ${String((issue as { pattern?: string }).pattern)}`
        : `use the format ${issue.format}`;
    default:
      return 'see the API description at /docs';
  }
}

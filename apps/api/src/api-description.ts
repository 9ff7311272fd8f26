import type { DynamicModule } from '@nestjs/common';
import { openApiDocument } from '#http';

/** The API's OpenAPI document: the same for the server, the committed file and the test that compares them. */
export function apiDescription(module: DynamicModule): Record<string, unknown> {
  return openApiDocument(
    {
      title: 'Freehold',
      version: '1',
      description:
        'A private-cloud control plane: isolated tenant networks and encrypted data moves, with every change in a ledger that nobody can rewrite unseen.',
    },
    module,
  );
}

import type { DynamicModule, Type } from '@nestjs/common';
import { z } from 'zod';
import { PERMISSIONS } from '#auth';
import { type EndpointSpec, endpointSpec, isChange, successStatus } from './endpoint.js';

type Json = Record<string, unknown>;

/** Title and version of the document; servers are left out, so that it is the same everywhere and can be committed. */
export interface OpenApiInfo {
  title: string;
  version: string;
  description: string;
}

/**
 * OpenAPI 3.1 of all controllers of a module, made from the very schemas that validate: it cannot disagree with the code.
 * Reads decorators only, so that nothing need be started.
 */
export function openApiDocument(info: OpenApiInfo, module: DynamicModule): Json {
  const schemas: Json = { Problem: problemSchema };
  const paths: Record<string, Json> = {};
  for (const { path, tag, name, spec } of routesOf(controllersOf(module))) {
    const entry = paths[path] ?? {};
    entry[spec.method.toLowerCase()] = operation(spec, tag, name, schemas);
    paths[path] = entry;
  }
  return {
    openapi: '3.1.0',
    info,
    paths: sorted(paths),
    components: {
      schemas: sorted(schemas),
      securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', bearerFormat: 'fh_<id>_<secret>' } },
    },
  };
}

function sorted(members: Json): Json {
  return Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1)));
}

type ModuleReference = Type | DynamicModule;

function controllersOf(module: ModuleReference, seen = new Set<unknown>()): Set<Type> {
  const controllers = new Set<Type>();
  if (seen.has(module)) return controllers;
  seen.add(module);
  const type = 'module' in module ? module.module : module;
  const own = 'module' in module ? module : { controllers: [], imports: [] };
  for (const controller of [...metadataList<Type>('controllers', type), ...(own.controllers ?? [])])
    controllers.add(controller);
  for (const imported of [
    ...metadataList<ModuleReference>('imports', type),
    ...((own.imports ?? []) as ModuleReference[]),
  ]) {
    for (const controller of controllersOf(imported, seen)) controllers.add(controller);
  }
  return controllers;
}

function metadataList<T>(key: string, type: Type): T[] {
  return (Reflect.getMetadata(key, type) as T[] | undefined) ?? [];
}

function* routesOf(
  controllers: Iterable<Type>,
): Iterable<{ path: string; tag: string; name: string; spec: EndpointSpec }> {
  for (const controller of controllers) {
    const base = Reflect.getMetadata('path', controller) as string;
    const prototype = controller.prototype as Record<string, object>;
    for (const name of Object.getOwnPropertyNames(prototype)) {
      const handler = prototype[name];
      const spec = handler && endpointSpec(handler);
      if (!spec) continue;
      const path = `/${base}/${spec.path ?? ''}`.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
      const template = path.replace(/:([A-Za-z]+)/g, '{$1}').replace(/\*$/, '{*}');
      yield { path: template, tag: controller.name.replace(/Controller$/, ''), name, spec };
    }
  }
}

const problemSchema: Json = {
  type: 'object',
  description: 'RFC 9457 problem details. `code` is stable.',
  required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string' },
    code: { type: 'string' },
    requestId: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'rule', 'message', 'fix'],
        properties: {
          pointer: { type: 'string' },
          rule: { type: 'string' },
          message: { type: 'string' },
          fix: { type: 'string' },
        },
      },
    },
    blockers: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'kind', 'fix'],
        properties: { id: { type: 'string' }, kind: { type: 'string' }, fix: { type: 'string' } },
      },
    },
  },
};

function operation(spec: EndpointSpec, tag: string, name: string, schemas: Json): Json {
  const change = isChange(spec);
  const status = successStatus(spec);
  const isPublic = spec.permission === 'public';
  return {
    operationId: `${tag.charAt(0).toLowerCase()}${tag.slice(1)}.${name}`,
    tags: [tag],
    summary: spec.summary,
    ...(spec.description ? { description: spec.description } : {}),
    security: isPublic ? [] : [{ apiKey: [] }],
    ...(isPublic
      ? {}
      : {
          'x-permission': spec.permission,
          'x-permission-meaning': PERMISSIONS[spec.permission as keyof typeof PERMISSIONS],
        }),
    parameters: [
      ...parameters(spec.params, 'path'),
      ...parameters(spec.query, 'query'),
      ...(change ? changeParameters : []),
    ],
    ...(spec.body
      ? {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: jsonSchema(spec.body, schemas, 'input') } },
          },
        }
      : {}),
    responses: {
      [status]: success(spec, schemas),
      default: {
        description: 'A problem.',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function success(spec: EndpointSpec, schemas: Json): Json {
  const description = isChange(spec) ? 'Done, recorded and promised.' : 'As asked.';
  if (!spec.reply) return { description, content: { [spec.produces ?? 'application/octet-stream']: {} } };
  return {
    description,
    content: { [spec.produces ?? 'application/json']: { schema: jsonSchema(spec.reply, schemas, 'output') } },
  };
}

const changeParameters: Json[] = [
  {
    name: 'dryRun',
    in: 'query',
    description: 'Validate, authorise and plan, but write nothing.',
    schema: { type: 'string', enum: ['true', 'false'] },
  },
  {
    name: 'anchor',
    in: 'query',
    description:
      'Have a chain hold what is recorded without waiting for the anchoring interval. However many ask, anchors are made at most as often as the operator allows.',
    schema: { type: 'string', enum: ['immediate'] },
  },
  {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'The same key and request give the first reply again.',
    schema: { type: 'string', maxLength: 257 },
  },
  {
    name: 'If-Match',
    in: 'header',
    description: 'The ETag of your last read: 412 when the resource has changed since.',
    schema: { type: 'string' },
  },
  {
    name: 'Content-Digest',
    in: 'header',
    description:
      'Digest of the body (RFC 9530): sha-256=:...:. Checked when it is there, needed when the request is signed.',
    schema: { type: 'string' },
  },
  {
    name: 'Signature-Input',
    in: 'header',
    description: 'What a signature covers (RFC 9421), with the tag freehold-v1: docs/signing-requests.md.',
    schema: { type: 'string' },
  },
  {
    name: 'Signature',
    in: 'header',
    description: "The signature of a signing key of the caller's, Ed25519.",
    schema: { type: 'string' },
  },
];

function parameters(schema: z.ZodObject | undefined, where: 'path' | 'query'): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = plainSchema(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    ...(description ? { description } : {}),
    schema: property,
  }));
}

function plainSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  return json;
}

/** Schemas with an id (`.meta({ id })`) become components; every other one stands where it is used. */
function jsonSchema(schema: z.ZodType, schemas: Json, io: 'input' | 'output'): Json {
  const { $defs = {}, ...json } = plainSchema(schema, io) as { $defs?: Json };
  const hoisted = JSON.parse(JSON.stringify({ json, $defs }).replaceAll('#/$defs/', '#/components/schemas/')) as {
    json: Json;
    $defs: Json;
  };
  Object.assign(schemas, hoisted.$defs);
  const id = schema.meta()?.id;
  if (typeof id !== 'string') return hoisted.json;
  const reference = `#/components/schemas/${id}`;
  // zod gives a schema with an id as a reference to its own definition, which was hoisted already.
  if (hoisted.json.$ref !== reference) schemas[id] = hoisted.json;
  return { $ref: reference };
}

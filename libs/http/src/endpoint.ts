import {
  applyDecorators,
  createParamDecorator,
  type ExecutionContext,
  RequestMapping,
  RequestMethod,
} from '@nestjs/common';
import type { z } from 'zod';
import { RequirePermission, type RoutePermission } from '#auth';
import type { OpContext } from '#kernel';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Everything about one route, in one place: validation, authorisation, reply and documentation are made from it. */
export interface EndpointSpec {
  method: Method;
  path?: string;
  summary: string;
  description?: string;
  permission: RoutePermission;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** The reply's schema; absent for a stream or a reply that the handler sends by itself. */
  reply?: z.ZodType;
  /** Success status; by default 200, and 201 for a POST. */
  status?: number;
  /**
   * A change goes through a unit of work: it takes Idempotency-Key, If-Match and dryRun, and its reply carries the
   * ledger entry and the promise. By default every method but GET is one.
   */
  change?: boolean;
  /** Turns the use case's result into the reply's JSON. */
  view?: (result: never) => unknown;
  /** Of a change: which member of its reply is a secret that a replay must not show again. */
  secretField?: string;
  /** The body holds a secret: no evidence of a signed request keeps it. */
  secretBody?: boolean;
  /** The media type of a reply that is not JSON. */
  produces?: string;
}

const METHODS: Record<Method, RequestMethod> = {
  GET: RequestMethod.GET,
  POST: RequestMethod.POST,
  PUT: RequestMethod.PUT,
  PATCH: RequestMethod.PATCH,
  DELETE: RequestMethod.DELETE,
};

const ENDPOINT = 'freehold:endpoint';

/** Declares a route. What it leaves out does not exist: unknown body or query fields are refused. */
export function Endpoint(spec: EndpointSpec): MethodDecorator {
  return applyDecorators(
    RequestMapping({ method: METHODS[spec.method], path: spec.path ?? '' }),
    RequirePermission(spec.permission),
    (_target: object, _key: string | symbol, descriptor: PropertyDescriptor) => {
      Reflect.defineMetadata(ENDPOINT, spec, descriptor.value as object);
    },
  );
}

export function endpointSpec(handler: object): EndpointSpec | undefined {
  return Reflect.getMetadata(ENDPOINT, handler) as EndpointSpec | undefined;
}

export function isChange(spec: EndpointSpec): boolean {
  return spec.change ?? spec.method !== 'GET';
}

export function successStatus(spec: EndpointSpec): number {
  return spec.status ?? (spec.method === 'POST' ? 201 : 200);
}

/** What the interceptor leaves on the request for the handler's parameters. */
export interface PreparedRequest {
  op: OpContext;
  params: unknown;
  query: unknown;
  body: unknown;
}

const prepared = (context: ExecutionContext) =>
  context.switchToHttp().getRequest<{ prepared: PreparedRequest }>().prepared;

/** The operation's context. */
export const Op = createParamDecorator((_data: unknown, context: ExecutionContext) => prepared(context).op);
/** The path's parameters, validated. */
export const PathInput = createParamDecorator((_data: unknown, context: ExecutionContext) => prepared(context).params);
/** The query's parameters, validated. */
export const QueryInput = createParamDecorator((_data: unknown, context: ExecutionContext) => prepared(context).query);
/** The body, validated. */
export const BodyInput = createParamDecorator((_data: unknown, context: ExecutionContext) => prepared(context).body);

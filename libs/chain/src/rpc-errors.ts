import {
  BaseError,
  decodeErrorResult,
  HttpRequestError,
  RpcRequestError,
  SocketClosedError,
  TimeoutError,
  UnknownRpcError,
} from 'viem';
import { anchorRegistryAbi } from './contracts/anchor-registry.abi.js';
import type { Hex } from './registry-links.js';

/** JSON-RPC: the method is not found, or not supported. */
export const NOT_SERVED = [-32601, -32004];
/** JSON-RPC: the caller has asked too often. */
export const LIMIT_EXCEEDED = -32005;

/** What the node itself said of a request it understood, or null when the request did not get that far. */
export function rpcAnswer(error: unknown): string | null {
  if (!(error instanceof BaseError)) return null;
  const unreachable = error.walk(
    (cause) => cause instanceof HttpRequestError || cause instanceof TimeoutError || cause instanceof SocketClosedError,
  );
  if (unreachable) return null;
  const answered = error.walk((cause) => cause instanceof RpcRequestError) as RpcRequestError | null;
  return answered && !(error instanceof UnknownRpcError) ? `${answered.details}` : null;
}

/** The code of the node's answer; 0 when there is none. */
export function rpcCode(error: unknown): number {
  const answered = error instanceof BaseError && error.walk((cause) => cause instanceof RpcRequestError);
  return answered instanceof RpcRequestError ? answered.code : 0;
}

/** The name of the registry's own error in a refused call, or null when it was refused (or lost) otherwise. */
export function revertName(error: unknown): string | null {
  const carrier =
    error instanceof BaseError && error.walk((cause) => typeof (cause as { data?: unknown }).data === 'string');
  if (!carrier) return null;
  try {
    return decodeErrorResult({ abi: anchorRegistryAbi, data: (carrier as unknown as { data: Hex }).data }).errorName;
  } catch {
    return null;
  }
}

import { multiply } from './galois-field.js';
import { STEP_BYTES, simdKernelModule, TABLE_BYTES } from './simd-kernel-module.js';

/**
 * Multiplies a matrix over GF(2^8) with rows of bytes: `targets[j] = sum over i of coefficients[j * k + i] * sources[i]`,
 * with k the number of sources, which is at least 1. All buffers have one length. The implementations differ in speed
 * only. Targets are overwritten and must not be sources.
 */
export interface GaloisKernel {
  readonly name: 'simd' | 'scalar';
  multiply(coefficients: Uint8Array, sources: readonly Uint8Array[], targets: readonly Uint8Array[]): void;
}

/** What is used of the platform's `WebAssembly`, which a page's Content Security Policy may also forbid. */
export interface WebAssemblyHost {
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  Instance: new (module: object) => { exports: unknown };
}

interface SimdExports {
  memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  multiply(
    tables: number,
    sources: number,
    sourceCount: number,
    targets: number,
    targetCount: number,
    length: number,
  ): void;
}

const PAGE_BYTES = 65_536;
/** What sources and targets of one block take together: a part of a second-level cache. */
const BLOCK_BUDGET = 192 * 1024;
const MIN_BLOCK_BYTES = 1024;

/** Products of every pair of bytes: 64 KiB, `PRODUCTS[a * 256 + b]`. */
const PRODUCTS = new Uint8Array(65_536).map((_, pair) => multiply(pair >> 8, pair & 255));

let shared: GaloisKernel | undefined;

/** The fastest kernel that this platform runs; made once for each thread. */
export function defaultKernel(): GaloisKernel {
  shared ??= simdKernel() ?? scalarKernel();
  return shared;
}

/** The WebAssembly kernel, or null where there is no WebAssembly, no SIMD in it, or no leave to use it. */
export function simdKernel(
  host: WebAssemblyHost | undefined = (globalThis as { WebAssembly?: WebAssemblyHost }).WebAssembly,
): GaloisKernel | null {
  if (!host) return null;
  try {
    const instance = new host.Instance(new host.Module(simdKernelModule()));
    return new SimdKernel(instance.exports as SimdExports);
  } catch {
    // CompileError without SIMD or under a policy. The scalar kernel gives the same bytes, so there is nothing to report.
    return null;
  }
}

/** The kernel in plain JavaScript, for where SIMD is missing. */
export function scalarKernel(): GaloisKernel {
  return { name: 'scalar', multiply: multiplyScalar };
}

function multiplyScalar(coefficients: Uint8Array, sources: readonly Uint8Array[], targets: readonly Uint8Array[]) {
  targets.forEach((target, row) => {
    target.fill(0);
    sources.forEach((source, column) => {
      const coefficient = coefficients[row * sources.length + column]!;
      const products = PRODUCTS.subarray(coefficient * 256, (coefficient + 1) * 256);
      for (let at = 0; at < target.length; at++) target[at]! ^= products[source[at]!]!;
    });
  });
}

/** Copies blocks of the sources into the module's memory, multiplies there and copies the results out. */
class SimdKernel implements GaloisKernel {
  readonly name = 'simd';

  constructor(private readonly wasm: SimdExports) {}

  multiply(coefficients: Uint8Array, sources: readonly Uint8Array[], targets: readonly Uint8Array[]): void {
    const length = targets[0]?.length ?? 0;
    if (length === 0) return;
    const tablesBytes = coefficients.length * TABLE_BYTES;
    const blockBytes = blockSize(length, sources.length + targets.length);
    const sourcesAt = tablesBytes;
    const targetsAt = sourcesAt + sources.length * blockBytes;
    const memory = this.#reserve(targetsAt + targets.length * blockBytes);
    writeTables(memory, coefficients);
    for (let at = 0; at < length; at += blockBytes) {
      const count = Math.min(blockBytes, length - at);
      // The bytes between count and step are an earlier block's: harmless, for nothing of their products is copied out.
      const step = Math.ceil(count / STEP_BYTES) * STEP_BYTES;
      sources.forEach((source, row) => {
        memory.set(source.subarray(at, at + count), sourcesAt + row * step);
      });
      const out = sourcesAt + sources.length * step;
      this.wasm.multiply(0, sourcesAt, sources.length, out, targets.length, step);
      targets.forEach((target, row) => {
        target.set(memory.subarray(out + row * step, out + row * step + count), at);
      });
    }
  }

  #reserve(bytes: number): Uint8Array {
    const missing = bytes - this.wasm.memory.buffer.byteLength;
    if (missing > 0) this.wasm.memory.grow(Math.ceil(missing / PAGE_BYTES));
    return new Uint8Array(this.wasm.memory.buffer);
  }
}

function blockSize(length: number, buffers: number): number {
  const wanted = Math.max(MIN_BLOCK_BYTES, Math.floor(BLOCK_BUDGET / buffers));
  return Math.ceil(Math.min(length, wanted) / STEP_BYTES) * STEP_BYTES;
}

/** For each coefficient c: c*0 to c*15, then c*0x00, c*0x10 to c*0xf0. */
function writeTables(memory: Uint8Array, coefficients: Uint8Array): void {
  for (let index = 0; index < coefficients.length; index++) {
    const products = coefficients[index]! * 256;
    const at = index * TABLE_BYTES;
    for (let nibble = 0; nibble < 16; nibble++) {
      memory[at + nibble] = PRODUCTS[products + nibble]!;
      memory[at + 16 + nibble] = PRODUCTS[products + nibble * 16]!;
    }
  }
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AbiParameter, encodeAbiParameters, keccak256, toFunctionSignature } from 'viem';
import { projectRoot } from '#config';
import { REGISTRY_CODE_HASHES, rootSlot } from '#proof';
import { anchorRegistryAbi } from './contracts/anchor-registry.abi.js';
import { compileAnchorRegistry } from './solidity.js';

const folder = join(projectRoot(), 'libs/chain/src/contracts');
const source = readFileSync(join(folder, 'AnchorRegistry.sol'), 'utf8');
const committed = JSON.parse(readFileSync(join(folder, 'anchor-registry.json'), 'utf8'));

interface AbiItem {
  type: string;
  name: string;
  inputs?: (AbiParameter & { indexed?: boolean })[];
  outputs?: AbiParameter[];
  stateMutability?: string;
}

/** One line for everything a caller depends on. */
function describeItem(item: AbiItem): string {
  const parameters = (list: AbiItem['inputs']) =>
    (list ?? []).map(
      (parameter) =>
        `${parameter.type}${'components' in parameter ? JSON.stringify(parameter.components, ['type', 'name']) : ''} ${parameter.indexed ? 'indexed ' : ''}${parameter.name ?? ''}`,
    );
  return [
    item.type,
    item.name,
    `(${parameters(item.inputs)})`,
    `-> (${parameters(item.outputs)})`,
    item.stateMutability ?? '',
  ].join(' ');
}

describe('the committed AnchorRegistry artifact', () => {
  it('is what solc makes of the source', () => {
    expect(compileAnchorRegistry(source)).toEqual(committed);
  });

  it('fits a chain: below the code limit of EIP-170', () => {
    expect((committed.deployedBytecode.length - 2) / 2).toBeLessThan(24_576);
  });

  it('has the interface that the client is typed with, in both directions', () => {
    const typed = (anchorRegistryAbi as unknown as AbiItem[]).map(describeItem).sort();
    const compiled = (committed.abi as AbiItem[]).map(describeItem).sort();
    expect(typed).toEqual(compiled);
  });

  it('has no function through which an owner, an upgrade or a pause could come', () => {
    const writing = (committed.abi as AbiItem[])
      .filter((item) => item.type === 'function' && item.stateMutability !== 'view' && item.stateMutability !== 'pure')
      .map((item) => toFunctionSignature(item as never).split('(')[0]);
    expect(writing.sort()).toEqual([
      'anchor',
      'changeSigners',
      'createLog',
      'reportEquivocation',
      'reportForkedHead',
      'reportForkedPromise',
      'reportLateAnchor',
    ]);
    for (const opcode of ['delegatecall', 'selfdestruct', 'tx.origin', 'block.number', 'blockhash', 'assembly']) {
      expect(source).not.toContain(opcode);
    }
  });

  it('asks for the time in one place, where no head is moved', () => {
    expect(source.split('block.timestamp')).toHaveLength(2);
    const late = source.slice(source.indexOf('function reportLateAnchor'));
    const body = late.slice(0, late.indexOf('\n    }'));
    expect(body).toContain('block.timestamp');
    expect(body).not.toMatch(/log\.(head|links|size|epoch)\s*(\+?=)[^=]/);
  });

  it('keeps the roots where anchor proofs look for them, and its code is known to their verifier', () => {
    const { storage } = (committed as { storageLayout: { storage: { label: string; slot: string; type: string }[] } })
      .storageLayout;
    const roots = storage.find(({ label }) => label === '_roots');
    expect(roots).toMatchObject({ slot: '2', type: 't_mapping(t_bytes32,t_mapping(t_uint64,t_bytes32))' });
    // The slot as the proof's verifier computes it, and as Solidity documents it.
    const logId = `0x${'5a'.repeat(32)}` as const;
    const outer = keccak256(
      encodeAbiParameters([{ type: 'bytes32' }, { type: 'uint256' }], [logId, BigInt(roots!.slot)]),
    );
    const slot = keccak256(encodeAbiParameters([{ type: 'uint64' }, { type: 'bytes32' }], [42n, outer]));
    expect(rootSlot(logId, 42)).toBe(slot);
    expect(REGISTRY_CODE_HASHES.at(-1)).toBe(keccak256(committed.deployedBytecode));
  });

  it('refuses a source that the compiler warns about', () => {
    const warned = source.replace(
      'return _roots[logId][size];\n    }',
      'uint256 unused;\n return _roots[logId][size];\n    }',
    );
    expect(warned).not.toEqual(source);
    expect(() => compileAnchorRegistry(warned)).toThrow(/Unused local variable/);
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AbiParameter, toFunctionSignature } from 'viem';
import { projectRoot } from '#config';
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
    expect(writing.sort()).toEqual(['anchor', 'changeSigners', 'createLog', 'reportEquivocation']);
    for (const opcode of [
      'delegatecall',
      'selfdestruct',
      'tx.origin',
      'block.timestamp',
      'block.number',
      'blockhash',
      'assembly',
    ]) {
      expect(source).not.toContain(opcode);
    }
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

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';

/** What solc makes of AnchorRegistry.sol, committed so that neither the running system nor a verifier needs a compiler. */
export interface ContractArtifact {
  contract: string;
  /** SHA-256 of the source file, hex. */
  sourceHash: string;
  compiler: string;
  settings: { evmVersion: string; viaIR: boolean; optimizerRuns: number };
  abi: unknown[];
  /** Creation code, 0x-prefixed hex. */
  bytecode: string;
  /** Code on the chain after creation, 0x-prefixed hex. */
  deployedBytecode: string;
  /** Where the state variables are: anchor proofs are made of them. */
  storageLayout: StorageLayout;
}

export interface StorageLayout {
  storage: { label: string; slot: string; type: string }[];
}

interface SolcOutput {
  errors?: { formattedMessage: string }[];
  contracts?: Record<
    string,
    Record<
      string,
      { abi: unknown[]; evm: Record<'bytecode' | 'deployedBytecode', { object: string }>; storageLayout: StorageLayout }
    >
  >;
}

const CONTRACT = 'AnchorRegistry';
/** Paris has no PUSH0: the code runs on every EVM chain in use. 200 runs through the IR had the least gas together. */
const SETTINGS = { evmVersion: 'paris', viaIR: true, optimizerRuns: 200 };

const OUTPUTS = ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object', 'storageLayout'] as const;

/**
 * Compiles the registry's source with solc from npm (WebAssembly, no network). The metadata trailer is left out, so that
 * the bytes depend on the source, the compiler and the settings alone.
 * @throws Error with the compiler's own messages; a warning in a contract is an error.
 */
export function compileAnchorRegistry(source: string): ContractArtifact {
  // solc is CommonJS without types and takes a second to load: only the compile script and its test do.
  const solc = createRequire(import.meta.url)('solc') as { compile(input: string): string; version(): string };
  const file = `${CONTRACT}.sol`;
  const input = {
    language: 'Solidity',
    sources: { [file]: { content: source } },
    settings: {
      evmVersion: SETTINGS.evmVersion,
      viaIR: SETTINGS.viaIR,
      optimizer: { enabled: true, runs: SETTINGS.optimizerRuns },
      metadata: { appendCBOR: false, bytecodeHash: 'none' },
      outputSelection: { [file]: { [CONTRACT]: [...OUTPUTS] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as SolcOutput;
  if (output.errors?.length) throw new Error(output.errors.map((error) => error.formattedMessage).join('\n'));
  const compiled = output.contracts?.[file]?.[CONTRACT];
  if (!compiled) throw new Error(`${file} does not define the contract ${CONTRACT}`);
  return {
    contract: CONTRACT,
    sourceHash: createHash('sha256').update(source).digest('hex'),
    compiler: solc.version(),
    settings: SETTINGS,
    abi: compiled.abi,
    bytecode: `0x${compiled.evm.bytecode.object}`,
    deployedBytecode: `0x${compiled.evm.deployedBytecode.object}`,
    storageLayout: {
      storage: compiled.storageLayout.storage.map(({ label, slot, type }) => ({ label, slot, type })),
    },
  };
}

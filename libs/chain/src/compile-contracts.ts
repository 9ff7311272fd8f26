import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '#config';
import { compileAnchorRegistry } from './solidity.js';

/** `npm run build:contracts`: writes the committed artifact anew. A spec compares it with what solc makes of the source. */
const folder = join(projectRoot(), 'libs/chain/src/contracts');
const artifact = compileAnchorRegistry(readFileSync(join(folder, 'AnchorRegistry.sol'), 'utf8'));
const target = join(folder, 'anchor-registry.json');
writeFileSync(target, `${JSON.stringify(artifact, null, 2)}\n`);
process.stdout.write(`${target}: ${(artifact.deployedBytecode.length - 2) / 2} bytes of code, ${artifact.compiler}\n`);

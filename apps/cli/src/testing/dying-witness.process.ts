import { Witness } from '../witness/witness.js';
import { WitnessFolder } from '../witness/witness-folder.js';
import { serveWitness } from '../witness/witness-server.js';

// A witness that is killed, as by kill -9, at the step that its second argument names. For tests alone: the command has no
// such steps.
const [folder = '', dies = ''] = process.argv.slice(2);
const witness = await Witness.open(await WitnessFolder.open(folder), {
  step: (name) => {
    if (name === dies) process.kill(process.pid, 'SIGKILL');
  },
});
const failed = (error: unknown) => console.error(error);
const server = await serveWitness(witness, { port: 0, host: '127.0.0.1', failed });
process.stdout.write(`${JSON.stringify({ url: server.url })}\n`);

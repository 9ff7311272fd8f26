import { Command } from 'commander';
import { addGlobalOptions } from './command-context.js';
import { addAgent } from './commands/agent.js';
import { addAudit } from './commands/audit.js';
import { addBreakGlass } from './commands/break-glass.js';
import { addDemo } from './commands/demo.js';
import { addLedgerFollow, addLogFollow } from './commands/follow.js';
import { addKey } from './commands/key.js';
import { addLedgerFiles } from './commands/ledger-files.js';
import { addLogin } from './commands/login.js';
import { addMigrate } from './commands/migrate.js';
import { addOperationWatch } from './commands/operation-watch.js';
import { addReportBrokenPromise } from './commands/report-broken-promise.js';
import { addSigningKey } from './commands/signing-key.js';
import { addTenantCreate } from './commands/tenant-create.js';
import { addTrust } from './commands/trust.js';
import { addVerify } from './commands/verify.js';
import { addWatch } from './commands/watch.js';
import { addWitness } from './commands/witness.js';
import { RESOURCES } from './resources/index.js';
import { addResource } from './resources/resource-commands.js';
import type { Terminal } from './terminal.js';

/** All commands. What a command needs beyond the kernel is loaded when it runs, so that the start stays quick. */
export function buildProgram(terminal: Terminal): Command {
  const program = addGlobalOptions(new Command('freehold'))
    .description('Freehold: isolated networks and encrypted data, every change provable')
    .showSuggestionAfterError()
    .addHelpText('after', AFTER);
  program.configureOutput({
    writeOut: (text) => terminal.out(text),
    writeErr: (text) => terminal.err(text),
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
  addLogin(program, terminal);
  for (const resource of RESOURCES) {
    const group = addResource(program, resource, terminal);
    if (resource.noun === 'tenant') {
      addTenantCreate(group, terminal);
      addBreakGlass(group, terminal);
    }
    if (resource.noun === 'signing-key') addSigningKey(group, terminal);
    if (resource.noun === 'ledger') {
      addLedgerFiles(group, terminal);
      addLedgerFollow(group, terminal);
      addReportBrokenPromise(group, terminal);
    }
    if (resource.noun === 'log') addLogFollow(group, terminal);
    if (resource.noun === 'operation') addOperationWatch(group, terminal);
  }
  addMigrate(program, terminal);
  addKey(program, terminal);
  addVerify(program, terminal);
  addTrust(program, terminal);
  addAudit(program, terminal);
  addAgent(program, terminal);
  addWatch(program, terminal);
  addWitness(program, terminal);
  addDemo(program, terminal);
  settleAll(program);
  return program;
}

/** No command ends the process by itself, and all write where the program does. */
function settleAll(command: Command): void {
  command.exitOverride();
  for (const one of command.commands) {
    one.copyInheritedSettings(command);
    settleAll(one);
  }
}

const AFTER = `
Settings: FREEHOLD_URL, FREEHOLD_API_KEY, FREEHOLD_PROFILE, FREEHOLD_CONFIG,
FREEHOLD_SIGNING_KEY, NO_COLOR.
Exit codes: 0 ok, 1 error, 2 usage, 4 no permission, 5 conflict, 6 verification failed; verified, but 7 not pinned, 8 too few
witnesses, 9 not anchored, 11 not signed, as was required; 10 inconsistent with what the log showed before.
All commands are described in docs/cli.md.`;

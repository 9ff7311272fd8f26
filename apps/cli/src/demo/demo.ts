import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { VerificationFailedError } from '../cli-errors.js';
import type { CommandContext } from '../command-context.js';
import { projectFolder } from '../connection/local-stack.js';
import { formatBytes } from '../output/amounts.js';
import { type DemoStack, findOrStartStack } from './demo-stack.js';
import { type MoveOutcome, moveAndBringBack } from './move-act.js';
import { buildTenants, type DemoTenant, prepareOperator } from './network-act.js';
import { type ProofOutcome, proveEverything } from './proof-act.js';
import { readScenario } from './scenario.js';
import { Stage } from './stage.js';

export interface DemoOptions {
  data?: string;
  once: boolean;
  json: boolean;
}

/** The last line of `--json`. */
interface DemoFigures {
  tenants: number;
  vpcs: number;
  subnets: number;
  ledgerEntries: number;
  anchored: number;
  signed: number;
  verified: boolean;
  tamperDetected: boolean;
  migratedBytes: number;
  restoredIdentical: boolean;
  seconds: number;
}

/**
 * Shows the whole product on this machine, with nothing prepared: every step is what a user's own call would do, through the
 * same API. @throws VerificationFailedError when what it set out to show does not hold
 */
export async function runDemo(context: CommandContext, options: DemoOptions): Promise<void> {
  const { terminal, printer } = context;
  const write = (text: string) => (options.json ? terminal.err(text) : terminal.out(text));
  const stage = new Stage(write, options.json ? printer.errPaint : printer.paint);
  const asked = endAsked();
  stage.chapter('Freehold');
  const demo = await stage.step(
    () => findOrStartStack(terminal.env),
    ({ stack, child }) => `${child ? 'started' : 'found'} the stack: ${stack.apiUrl}`,
  );
  try {
    const outcome = await Promise.race([perform(context, stage, demo, options), asked]);
    if (outcome === null) return;
    write(closing(demo, stage, outcome, options));
    if (options.json) terminal.out(`${JSON.stringify(outcome)}\n`);
    requireShown(outcome);
    if (!options.once && demo.child) await Promise.race([asked, ended(demo)]);
  } finally {
    await demo.stop();
  }
}

async function perform(
  context: CommandContext,
  stage: Stage,
  { stack, operatorKey }: DemoStack,
  options: DemoOptions,
): Promise<DemoFigures> {
  const run = randomBytes(2).toString('hex');
  const folder = join(stack.dataDir, 'demo', run);
  const source = resolve(options.data ?? join(projectFolder(), 'node_modules/typescript'));
  const scenario = readScenario(join(projectFolder(), 'deploy/examples/acme.yaml'), run);
  const world = { url: stack.apiUrl, operatorKey, folder, stage, scenario };

  stage.chapter('The operator prepares the cloud');
  const nodes = await prepareOperator(world);
  stage.chapter('Two companies build their networks, with the same addresses');
  const tenants = await buildTenants(world);
  stage.chapter(`${tenants[0]!.name} moves its data in`);
  const moved = await moveAndBringBack({ ...world, terminal: context.terminal, tenant: tenants[0]!, nodes, source });
  stage.chapter('Everything is proven, by whoever wants to');
  const proven = await proveEverything(world, tenants);
  return figuresOf(tenants, moved, proven, stage);
}

function figuresOf(tenants: DemoTenant[], moved: MoveOutcome, proven: ProofOutcome, stage: Stage): DemoFigures {
  const vpcs = tenants.flatMap((tenant) => tenant.vpcs);
  return {
    tenants: tenants.length,
    vpcs: vpcs.length,
    subnets: vpcs.reduce((sum, { scenario }) => sum + scenario.subnets.length, 0),
    ...{ ledgerEntries: proven.entries, anchored: proven.anchored, verified: proven.verified },
    signed: proven.signed,
    tamperDetected: proven.tamperDetected,
    migratedBytes: moved.bytes,
    restoredIdentical: moved.identical,
    seconds: Math.round(stage.seconds * 10) / 10,
  };
}

function closing({ stack, child }: DemoStack, stage: Stage, figures: DemoFigures, { once }: DemoOptions): string {
  const { paint } = stage;
  const lines = [
    '',
    paint.bold(`All of it in ${figures.seconds.toFixed(1)} s:`),
    `  ${figures.tenants} tenants, ${figures.vpcs} VPCs, ${figures.subnets} subnets; ${formatBytes(figures.migratedBytes)} moved and brought back`,
    `  ${figures.ledgerEntries} ledger entries, ${figures.anchored} of them anchored, ${figures.signed} signed by who asked for them, each verified offline`,
    paint.dim(
      '  The chain is a development chain on this machine: it shows how anchoring works and adds no independent trust.',
    ),
  ];
  if (!once) {
    lines.push(
      '',
      `  API           ${stack.apiUrl}`,
      `  its pages     ${stack.apiUrl}/docs`,
      `  data          ${stack.dataUrl}`,
    );
    if (stack.chainUrl) lines.push(`  chain         ${stack.chainUrl}`);
    lines.push(`  operator key  ${join(stack.dataDir, 'operator-key')}`);
    if (child) lines.push('', '  Ctrl-C stops everything.');
  }
  return `${lines.join('\n')}\n`;
}

/** A demonstration that did not show what it says must not look as if it had. */
function requireShown({
  verified,
  tamperDetected,
  restoredIdentical,
  anchored,
  ledgerEntries,
  signed,
}: DemoFigures): void {
  if (verified && tamperDetected && restoredIdentical && anchored === ledgerEntries && signed > 0) return;
  throw new VerificationFailedError('what was shown does not hold');
}

/** Gives null at the first request to end. */
function endAsked(): Promise<null> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve(null));
  });
}

function ended({ child }: DemoStack): Promise<void> {
  return new Promise((resolve) => child?.once('exit', () => resolve()));
}

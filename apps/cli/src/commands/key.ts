import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { UsageError } from '../cli-errors.js';
import { type CommandContext, handled } from '../command-context.js';
import { createPrivateFile } from '../connection/private-file.js';
import type { Terminal } from '../terminal.js';
import { addDataClientOptions, collect } from './data-client-options.js';

export function addKey(program: Command, terminal: Terminal): void {
  const key = program.command('key').description('the keys under which datasets are encrypted; they stay with you');

  const generate = key
    .command('generate')
    .description('draw an age identity; its recipient is printed')
    .requiredOption('-f, --file <file>', 'where the identity is written, readable by you only');
  handled(generate, terminal, runGenerate);

  const recipient = key.command('recipient <identity-file>').description('print the recipients of an identity file');
  handled(recipient, terminal, runRecipient);

  const check = key
    .command('check <dataset>')
    .description('check that you can open a dataset: with an identity, or from this machine');
  handled(addDataClientOptions(check), terminal, runCheck);

  const exported = key
    .command('export <dataset>')
    .description(
      "write a dataset's wrapped key to a file: with an identity it opens the data, whatever becomes of the service",
    )
    .requiredOption('-f, --file <file>', 'where to');
  handled(exported, terminal, runExport);

  const rewrap = key
    .command('set-recipients <dataset>')
    .description("wrap a dataset's key to other recipients; whoever had it keeps what they have read")
    .requiredOption('--recipient <age1...|file>', 'who can open it from now on; two of them, kept apart', collect)
    .option('--no-recovery', 'be content with a single recipient: when its identity is lost, so is the data');
  handled(addDataClientOptions(rewrap), terminal, runSetRecipients);
}

async function runGenerate(
  { printer }: CommandContext,
  _args: string[],
  options: Record<string, unknown>,
): Promise<void> {
  const { generateIdentity, identityToRecipient } = await import('age-encryption');
  const identity = await generateIdentity();
  const recipient = await identityToRecipient(identity);
  createPrivateFile(options.file as string, `# recipient: ${recipient}\n${identity}\n`);
  if (printer.format === 'table') printer.text(recipient);
  else await printer.item({ recipient, file: options.file });
  printer.note(`the identity is in ${options.file as string}; keep a copy apart from the data`);
}

async function runRecipient({ printer }: CommandContext, [file]: string[]): Promise<void> {
  const [{ readIdentities }, { identityToRecipient }] = await Promise.all([
    import('./data-client.js'),
    import('age-encryption'),
  ]);
  const recipients: string[] = [];
  for (const identity of readIdentities({ identity: [file] })) {
    recipients.push(
      await identityToRecipient(identity).catch(() => {
        throw new UsageError(`${file} holds a malformed age identity`);
      }),
    );
  }
  if (printer.format === 'table') printer.text(recipients.join('\n'));
  else await printer.document(recipients);
}

async function runCheck(context: CommandContext, [name]: string[], options: Record<string, unknown>): Promise<void> {
  const { client, dataset, keys, identities } = await opened(context, name!, options);
  await context.printer.item({
    datasetId: dataset.id,
    name: dataset.name,
    opens: true,
    with: identities.length > 0 ? 'the given identity' : `the key kept in ${client.stateFolder}`,
    keyCheck: keys.keyCheck.toString('hex'),
    signer: dataset.key!.signer,
    recipients: dataset.key!.recipients,
    recovery: dataset.key!.recovery,
  });
}

async function runExport(context: CommandContext, [name]: string[], options: Record<string, unknown>): Promise<void> {
  const { items } = await context.api().list<{ id: string; key: unknown }>('/v1/datasets', { name: name! }, 1);
  const [dataset] = items;
  if (!dataset) throw new UsageError(`there is no dataset ${JSON.stringify(name)}`);
  if (!dataset.key) throw new UsageError(`the dataset ${name} has no key yet: nothing was moved into it`);
  await writeFile(options.file as string, `${JSON.stringify(dataset.key, null, 2)}\n`, { flag: 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      throw new UsageError(`${options.file as string} cannot be written: ${error.code}`);
    },
  );
  context.printer.note(`the wrapped key of ${name} is in ${options.file as string}`);
}

async function runSetRecipients(
  context: CommandContext,
  [name]: string[],
  options: Record<string, unknown>,
): Promise<void> {
  const [{ readRecipients }, { checkRecipients, signKeyDocument, wrapDatasetKey }] = await Promise.all([
    import('./data-client.js'),
    import('#dataset'),
  ]);
  const recipients = readRecipients(options);
  const noRecovery = options.recovery === false;
  await checkRecipients(recipients, noRecovery);
  const { client, dataset, key, keys } = await opened(context, name!, options);
  if (context.options.dryRun) return context.printer.item({ datasetId: dataset.id, recipients, recovery: !noRecovery });
  const document = signKeyDocument(client.signer, {
    dataset: dataset.id,
    wrapped: await wrapDatasetKey(dataset.id, key, recipients),
    recipients,
    recovery: !noRecovery,
    keyCheck: keys.keyCheck.toString('hex'),
  });
  await context.printer.item(await client.api.setDatasetKey(dataset.id, document));
}

/** A dataset with its key, opened as for a move. */
async function opened(context: CommandContext, name: string, options: Record<string, unknown>) {
  const [{ dataClient, readIdentities }, { existingDataset }] = await Promise.all([
    import('./data-client.js'),
    import('../migrate/open-dataset.js'),
  ]);
  const client = dataClient(context.api(), options);
  const dataset = await client.api.findDataset(name);
  if (!dataset) throw new UsageError(`there is no dataset ${JSON.stringify(name)}`);
  if (!dataset.key) throw new UsageError(`the dataset ${name} has no key yet: nothing was moved into it`);
  const identities = readIdentities(options);
  const { key, keys } = await existingDataset({
    dataset,
    stateFolder: client.stateFolder,
    identities,
    trustedSigners: [client.signer.publicKey],
  });
  return { client, dataset, key, keys, identities };
}

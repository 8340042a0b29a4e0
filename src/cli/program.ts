/** The command line: which commands there are, and what they are told. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type Duration, parseDuration } from '../core/time.ts';
import { exitCodes } from './exit-codes.ts';
import { type HistoryArguments, history } from './history.ts';
import { type OnceArguments, once } from './once.ts';
import { type RunArguments, run } from './run.ts';
import { schema } from './schema.ts';
import { validate } from './validate.ts';
import { version } from './version.ts';
import type { World } from './world.ts';

function length(text: string): Duration {
  const parsed = parseDuration(text);
  if (parsed !== undefined && parsed > 0) return parsed;
  throw new InvalidArgumentError('A length of time has a unit, such as 20s or 2m.');
}

/** Help shows the default as it is written, not as it is counted. */
const lengthOption = (flags: string, description: string, byDefault: string): Option =>
  new Option(flags, description).argParser(length).default(length(byDefault), byDefault);

// Not `requiredOption`: its complaint would hide that `--confg` is a slip of the pen.
const fromFile = ['-c, --config <file>', 'the configuration file'] as const;

function withFile<Options extends { readonly config?: string }>(options: Options, command: Command): Options {
  if (options.config === undefined) command.error("error: name the configuration file: '-c <file>'");
  return options;
}

/** Answers with the exit code. Whatever a command throws is thrown on. */
export async function leasekeeper(args: readonly string[], world: World): Promise<number> {
  let code: number = exitCodes.done;
  const program = new Command('leasekeeper')
    .description('Keeps access tokens and dynamic-secret leases alive beside the programs that use them.')
    .configureOutput({ writeOut: world.out.write, writeErr: world.err.write })
    .showSuggestionAfterError()
    .exitOverride();
  program
    .command('run')
    .description('the daemon: keep every secret of the configuration alive, until TERM or INT')
    .option(...fromFile)
    .addOption(lengthOption('--shutdown-timeout <length>', 'how long an orderly end may take', '20s'))
    .action(async (options: RunArguments, command: Command) => {
      code = await run(withFile(options, command), world);
    });
  program
    .command('once')
    .description('deliver every secret once and end: for init containers')
    .option(...fromFile)
    .addOption(lengthOption('--timeout <length>', 'how long that may take', '2m'))
    .action(async (options: OnceArguments, command: Command) => {
      code = await once(withFile(options, command), world);
    });
  program
    .command('validate')
    .description('check the configuration file alone, and tell what would be kept')
    .option(...fromFile)
    .action(async (options: { readonly config: string }, command: Command) => {
      code = await validate(withFile(options, command).config, world);
    });
  program
    .command('history')
    .description('what was done to a secret, or to all of them, and why')
    .argument('[secret]', 'its name; of an access token its provider’s name and /token')
    .option(...fromFile)
    .option('--last <length>', 'only what happened within that time', length)
    .option('--json', 'a line of JSON each, as it is kept')
    .action(async (secret: string | undefined, options: HistoryArguments, command: Command) => {
      code = await history(secret, withFile(options, command), world);
    });
  program
    .command('schema')
    .description('print the JSON Schema of the configuration, for editors')
    .action(async () => {
      code = await schema(world);
    });
  program
    .command('version')
    .description('print the version')
    .action(async () => {
      code = await version(world);
    });
  program.addHelpText('after', '\nExit codes: 0 done, 1 failed at run time, 2 wrong usage, 3 invalid configuration.');
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage;
    throw error;
  }
}

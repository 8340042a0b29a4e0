/** The process: its arguments in, its exit code out. Nothing else reads the environment. */

// Before anything else is read: Node would answer it by opening its debugger, and with it every value we hold.
process.on('SIGUSR1', () => undefined);

const { url: debuggerUrl } = await import('node:inspector');
const { openHatches } = await import('./cli/hatches.ts');
const { sayAccident } = await import('./cli/say.ts');
const { exitCodes } = await import('./cli/exit-codes.ts');

const outputTo = (stream: NodeJS.WriteStream) => {
  // Whoever reads it may leave: `leasekeeper schema | head`.
  stream.on('error', () => undefined);
  return {
    write: (text: string) => void stream.write(text),
    isForPeople: stream.isTTY === true && !process.env['NO_COLOR'],
  };
};
const world = { env: { ...process.env }, out: outputTo(process.stdout), err: outputTo(process.stderr) };

const accident = (error: unknown): never => {
  sayAccident(error, world.err);
  process.exit(exitCodes.failed);
};
process.on('uncaughtException', accident);

const hatches = openHatches(process.execArgv, process.env['NODE_OPTIONS']);
if (hatches.length > 0 || debuggerUrl() !== undefined) {
  const named = hatches.length > 0 ? hatches.join(', ') : 'a debugger';
  world.err.write(`leasekeeper does not run with ${named}: the values it holds could be read by it\n`);
  process.exit(exitCodes.wrongUsage);
}

const { leasekeeper } = await import('./cli/program.ts');
const code = await leasekeeper(process.argv.slice(2), world).catch(accident);
await Promise.all([process.stdout, process.stderr].map(flushed));
process.exit(code);

/** A pipe takes 64 kB at a time, and what it has not taken yet would be lost. Nobody waits long for who does not read. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0) return resolve();
    AbortSignal.timeout(5_000).addEventListener('abort', () => resolve());
    stream.write('', () => resolve());
  });
}

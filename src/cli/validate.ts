/** `leasekeeper validate`: is the file right, and what would be kept? Asks nobody but the file system. */
import type { Configuration, SecretConfiguration } from '../config/configuration.ts';
import type { Policy } from '../core/rules.ts';
import { sayDuration } from '../core/time.ts';
import { exitCodes } from './exit-codes.ts';
import { sayWarnings } from './say.ts';
import { loadedFrom, type World } from './world.ts';

export async function validate(file: string, world: World): Promise<number> {
  const loaded = loadedFrom(file, world);
  if (!loaded) return exitCodes.invalidConfiguration;
  world.out.write(summary(file, loaded.configuration));
  sayWarnings(loaded.warnings, world.err);
  return exitCodes.done;
}

const count = (number: number, one: string): string => `${number} ${one}${number === 1 ? '' : 's'}`;

function summary(file: string, { secrets, providers }: Configuration): string {
  const sinks = secrets.reduce((sum, secret) => sum + secret.sinks.length, 0);
  const names = Object.entries(providers).map(([name, { type }]) => `${name} (${type})`);
  const head = `${file} is right: ${count(secrets.length, 'secret')} in ${count(sinks, 'sink')}, from ${names.join(', ')}\n`;
  return head + secrets.map((secret) => `\n${describe(secret)}`).join('');
}

function describe(secret: SecretConfiguration): string {
  const { name, source, policy, verify, sinks, reload, required, onExpired } = secret;
  return [
    `${name}${required ? '' : ' (not required)'}`,
    `  from ${source.type} of ${source.provider}`,
    `  ${timing(policy)}`,
    ...(verify
      ? [
          `  proven by ${verify.name}, or ${verify.trusts ? 'delivered unproven' : 'kept back'} where nobody can be asked`,
        ]
      : []),
    ...sinks.map(
      (sink) =>
        `  to ${sink.name === `${sink.type}:${sink.target}` ? sink.name : `${sink.name} (${sink.type}:${sink.target})`}`,
    ),
    ...(onExpired === 'remove' ? ['  removed there when it has ended'] : []),
    ...reload.steps.map((step, i) => `  then ${step.name}${i === 0 ? delay(reload) : ''}`),
    '',
  ].join('\n');
}

const delay = ({ debounce, splay }: SecretConfiguration['reload']): string =>
  [debounce > 0 ? `, ${sayDuration(debounce)} later` : '', splay > 0 ? `, spread over ${sayDuration(splay)}` : ''].join(
    '',
  );

function timing({ renewAt, renewBefore, grace, rotateAfter }: Policy): string {
  const when =
    renewBefore === undefined
      ? `at ${Math.round(renewAt * 100)}% of a term`
      : `${sayDuration(renewBefore)} before its end`;
  return `renewed ${when}${rotateAfter ? ', rotated' : ''}, grace ${grace === 0 ? 'none' : sayDuration(grace)}`;
}

/**
 * `npm run bench [-- --only NAME] [-- --quick]`: how much, how late, how large, how soon. Compare what stands in one run;
 * figures of different runs are of different machines.
 */
import { parseArgs } from 'node:util';
import { type Finding, tableOf } from './figures.ts';
import { measureLateness } from './lateness.ts';
import { measureLooks } from './looks.ts';
import { machineFacts, watchOthers } from './machine.ts';
import { measureSecrets } from './secrets.ts';
import { measureStart } from './start.ts';

const measurements: Readonly<Record<string, (isQuick: boolean) => Promise<Finding>>> = {
  looks: measureLooks,
  lateness: measureLateness,
  secrets: measureSecrets,
  start: measureStart,
};
const names = Object.keys(measurements);

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true }, quick: { type: 'boolean' } } });
const { only = names, quick = false } = values;
const unknown = only.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`--only ${unknown.join(', ')}: there are ${names.join(', ')}\n`);
  process.exit(2);
}

/** Others that take more than so much of the machine make a figure doubtful. */
const tolerable = 0.1;

const say = (text: string) => void process.stdout.write(`${text}\n`);
const startedAt = performance.now();
say(`leasekeeper bench${quick ? ', quick: small samples, for a first look only' : ''}`);
for (const fact of machineFacts()) say(`  ${fact}`);

let exitCode = 0;
for (const [name, measure] of Object.entries(measurements)) {
  if (!only.includes(name)) continue;
  const others = watchOthers();
  try {
    const finding = await measure(quick);
    say(`\n${tableOf(finding)}`);
  } catch (error) {
    exitCode = 1;
    say(`\n${name}: ${error instanceof Error ? error.stack : String(error)}`);
    for (const one of error instanceof AggregateError ? error.errors.slice(0, 3) : []) say(`  ${one}`);
  }
  const share = others();
  const taken = `other programs took ${Math.round(100 * share)} % of the machine meanwhile`;
  if (Number.isNaN(share)) say('  * nobody knows how much of the machine other programs took meanwhile');
  else say(`  * ${taken}${share > tolerable ? ': DOUBTFUL. Ratios and counts hold better than times' : ''}`);
}
say(`\n${Math.round((performance.now() - startedAt) / 1000)} s in all`);
process.exit(exitCode);

/**
 * `npm run mutations:alerts`: changes every comparison, number and length of time in the alerting rules, one at a time, and
 * sees their tests go red. Ends with 0 only if no change goes unnoticed.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { rulesFile, testsFile } from './files.ts';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
}

interface Rules {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

interface Tests {
  readonly tests: readonly { readonly name: string }[];
}

/** Behind each place that can be changed, what it is changed to. */
const changes: readonly { readonly at: RegExp; readonly to: (found: string) => readonly string[] }[] = [
  { at: /(?<=\s)(?:[<>]=?|[=!]=)(?=\s)/g, to: comparisons },
  { at: /(?<![\w.[])\d+(?:\.\d+)?(?![\w.\]])/g, to: numbers },
  { at: /(?<=\[)\d+[smhd](?=\])/g, to: lengths },
  { at: /\b(?:and|unless|or)\b/g, to: (word) => (word === 'and' ? ['unless'] : ['and']) },
];

function comparisons(found: string): readonly string[] {
  const others: Record<string, readonly string[]> = {
    '>': ['>=', '<'],
    '<': ['<=', '>'],
    '>=': ['>', '<'],
    '==': ['!='],
  };
  return others[found] ?? [];
}

function numbers(found: string): readonly string[] {
  const value = Number(found);
  return value === 0 ? ['10'] : [String(value * 0.5), String(value * 1.5)];
}

function lengths(found: string): readonly string[] {
  const seconds = Number(found.slice(0, -1)) * ({ s: 1, m: 60, h: 3600, d: 86_400 }[found.slice(-1)] ?? 1);
  return [`${seconds / 2}s`, `${seconds * 1.5}s`];
}

/** An hour and a day are what people like to read: nothing depends on them. */
const isTaste = (rule: Rule, found: string): boolean =>
  (found === '1h' && rule.record !== undefined) || (found === '1d' && rule.alert === 'LeasekeeperNotScraped');

function mutantsOf(rule: Rule): readonly { readonly what: string; readonly rule: Rule }[] {
  const ofExpression = changes.flatMap(({ at, to }) =>
    [...rule.expr.matchAll(at)].flatMap((match) => {
      const [found] = match;
      if (isTaste(rule, found) || inQuotes(rule.expr, match.index)) return [];
      return to(found).map((other) => ({
        what: `${found} → ${other} at ${match.index}`,
        rule: { ...rule, expr: rule.expr.slice(0, match.index) + other + rule.expr.slice(match.index + found.length) },
      }));
    }),
  );
  const ofWaiting = (rule.for === undefined ? [] : lengths(rule.for)).map((other) => ({
    what: `for: ${rule.for} → ${other}`,
    rule: { ...rule, for: other },
  }));
  return [...ofExpression, ...ofWaiting];
}

const inQuotes = (text: string, at: number): boolean => (text.slice(0, at).match(/"/g)?.length ?? 0) % 2 === 1;

const rules: Rules = parse(readFileSync(rulesFile, 'utf8'));
const tests: Tests = parse(readFileSync(testsFile, 'utf8'));
const only = process.argv[2];
const dir = mkdtempSync(join(tmpdir(), 'leasekeeper-alerts-'));
let survivors = 0;
let count = 0;
try {
  for (const group of rules.groups) {
    for (const rule of group.rules) {
      const name = rule.alert ?? rule.record ?? '';
      if (only !== undefined && name !== only) continue;
      for (const mutant of mutantsOf(rule)) {
        const changed = { ...group, rules: group.rules.map((each) => (each === rule ? mutant.rule : each)) };
        const groups = rules.groups.map((each) => (each === group ? changed : each));
        writeFileSync(join(dir, 'leasekeeper.rules.yml'), stringify({ groups }));
        count++;
        const isNoticed = testsFor(name).some((test) => !passes(test));
        if (isNoticed) continue;
        survivors++;
        process.stdout.write(`unnoticed: ${name}: ${mutant.what}\n`);
      }
    }
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
process.stdout.write(`${count} changes, ${survivors} unnoticed\n`);
process.exitCode = survivors > 0 ? 1 : 0;

/** Those that name it first, then all others. */
function testsFor(name: string): Tests['tests'] {
  const names = (test: Tests['tests'][number]) => stringify(test).includes(name);
  return [...tests.tests.filter(names), ...tests.tests.filter((test) => !names(test))];
}

function passes(test: Tests['tests'][number]): boolean {
  writeFileSync(join(dir, 'one.test.yml'), stringify({ ...tests, tests: [test] }, { aliasDuplicateObjects: false }));
  return spawnSync('promtool', ['test', 'rules', join(dir, 'one.test.yml')], { stdio: 'ignore' }).status === 0;
}

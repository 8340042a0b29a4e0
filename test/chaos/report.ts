/** A run in words: the table, and for what was not kept everything that is needed to understand it. */
import type { Detail, Row } from './evidence.ts';
import { judge } from './judge.ts';
import type { Run } from './run.ts';
import { clockTime } from './timeline.ts';

const most = 5;
const before = 20_000;
const after = 5_000;
const longest = 60;
/** Looks that found nothing to do. */
const idle = /"msg":"[^"]*: (wait, because|begun)/;

export function report(run: Run): { readonly text: string; readonly isKept: boolean } {
  const { timeline } = run.evidence;
  const rows = judge(run.evidence);
  const counts = new Map<string, number>();
  for (const { kind } of timeline.blows) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const broken = rows.filter(({ isKept }) => isKept === false);
  const lines = [
    '',
    'blows:',
    ...[...counts].sort().map(([kind, count]) => `  ${kind.padEnd(56)} ${count}`),
    `  disk full by ${run.disks}`,
    '',
    'what came of it:',
    ...rows.map(({ name, value, isKept }) => `  ${name.padEnd(56)} ${value}${isKept === false ? '   NOT KEPT' : ''}`),
    ...broken.flatMap((row) => understand(row, run)),
    '',
    broken.length === 0 ? 'all as promised' : `not as promised: ${broken.map(({ name }) => name.trim()).join('; ')}`,
  ];
  return { text: lines.join('\n'), isKept: broken.length === 0 };
}

function understand({ name, details = [] }: Row, run: Run): readonly string[] {
  const [first] = details;
  const more = details.length > most ? [`  … and ${details.length - most} more`] : [];
  return [
    '',
    `${name.trim()}:`,
    ...details.slice(0, most).map(({ at, text }) => `  ${clockTime(at)}  ${text}`),
    ...more,
    ...(first === undefined ? [] : surroundings(first, run)),
  ];
}

function surroundings({ at }: Detail, { evidence, lines }: Run): readonly string[] {
  const [from, to] = [at - before, at + after];
  const said = lines.filter((line) => line.at > from && line.at < to && !idle.test(line.text)).slice(-longest);
  return [
    `  blows around the first:`,
    ...evidence.timeline.around(from, to).map((line) => `    ${line}`),
    `  the daemon around the first:`,
    ...said.map(({ text }) => `    ${brief(text)}`),
  ];
}

function brief(text: string): string {
  try {
    const { time, level, msg } = JSON.parse(text) as Record<string, unknown>;
    const at = typeof time === 'number' ? clockTime(time) : String(time).slice(11, 23);
    return `${at} ${String(level)} ${String(msg)}`;
  } catch {
    return text;
  }
}

/**
 * The series of the secrets: made anew at each scrape from the latest that is known, so that they are right at every
 * moment. Written by ourselves: ten thousand secrets are a quarter of a million series, and a library that makes them in
 * one go would hold up every renewal meanwhile.
 */
import type { Instant } from '../core/time.ts';
import type { DeadTime } from './dead-time.ts';
import type { Known, Latest } from './latest.ts';
import { type LabelsOf, type MetricName, rowOf } from './metrics-table.ts';
import { states, type View, viewOf } from './view.ts';

/** Between so many the event loop turns. */
const atATime = 250;

/** Answers with what writes them: text as Prometheus reads it. */
export function secretSeries(latest: Latest, deadTime: DeadTime): () => Promise<string> {
  return async () => {
    const page = createPage();
    const secrets = latest.all();
    for (let from = 0; from < secrets.length; from += atATime) {
      if (from > 0) await new Promise((resolve) => setImmediate(resolve));
      for (const known of secrets.slice(from, from + atATime)) {
        if (known.subject.isToken) addToken(page, known);
        else addSecret(page, known, deadTime);
      }
    }
    return page.text();
  };
}

function addToken(page: Page, known: Known): void {
  const view = viewOf(known);
  const add = page.labelled('provider', known.subject.provider);
  if (view.expiresAt !== undefined) add('leasekeeper_token_expiry_timestamp_seconds', stamp(view.expiresAt));
  addKept(page.labelled('secret', known.subject.name), known, view);
}

function addSecret(page: Page, known: Known, deadTime: DeadTime): void {
  const { subject } = known;
  const view = viewOf(known);
  const { expiresAt, version, versionEndsAt } = view;
  const add = page.labelled('secret', subject.name);
  if (expiresAt !== undefined) {
    add('leasekeeper_lease_expiry_timestamp_seconds', stamp(expiresAt), 'source', subject.source);
  }
  addKept(add, known, view);
  const ofVersion = 'leasekeeper_version_destroy_timestamp_seconds';
  if (version && versionEndsAt !== undefined) add(ofVersion, stamp(versionEndsAt), 'which', version.which);
  if (version?.othersEndAt !== undefined) add(ofVersion, stamp(version.othersEndAt), 'which', 'other');
  for (const { name: sink, isOwed } of view.sinks) add('leasekeeper_delivery_owed', isOwed ? 1 : 0, 'sink', sink);
  add('leasekeeper_superseded_leases', view.superseded);
  add('leasekeeper_required', subject.required ? 1 : 0);
  for (const { sink, total } of deadTime.totals(subject))
    add('leasekeeper_dead_seconds_total', total / 1000, 'sink', sink);
}

/** Of secrets and tokens alike: both are kept by one loop, and an alert that is late for the token is late for all that need it. */
function addKept(add: Add, { nextLookAt }: Known, view: View): void {
  const { termStart, maxExpiresAt, renewsAt, outageTolerance } = view;
  if (termStart !== undefined) add('leasekeeper_lease_term_start_timestamp_seconds', stamp(termStart));
  if (maxExpiresAt !== undefined) add('leasekeeper_lease_max_expiry_timestamp_seconds', stamp(maxExpiresAt));
  if (renewsAt !== undefined) add('leasekeeper_next_renewal_timestamp_seconds', stamp(renewsAt));
  if (nextLookAt !== undefined) add('leasekeeper_next_look_timestamp_seconds', stamp(nextLookAt));
  if (outageTolerance !== undefined) add('leasekeeper_outage_tolerance_seconds', outageTolerance / 1000);
  for (const [act, at] of Object.entries(view.succeeded)) {
    add('leasekeeper_last_success_timestamp_seconds', stamp(at), 'act', act);
  }
  for (const [act, count] of Object.entries(view.failures)) add('leasekeeper_consecutive_failures', count, 'act', act);
  for (const state of states) add('leasekeeper_secret_state', state === view.state ? 1 : 0, 'state', state);
}

/** Seconds since the epoch. What ended at a time nobody knows ended at 0. */
const stamp = (at: Instant): number => Math.max(0, at / 1000);

/** A page of metrics being written: the series of one metric have to stand together. */
interface Page {
  /** Series with these labels; each may add one more. */
  labelled(label: string, value: string): Add;
  text(): string;
}

type Add = <Name extends MetricName>(name: Name, value: number, label?: LabelsOf<Name>, labelValue?: string) => void;

function createPage(): Page {
  const series = new Map<MetricName, string>();
  return {
    labelled: (own, ownValue) => {
      const prefix = `{${own}="${escaped(ownValue)}"`;
      return (name, value, label, labelValue = '') => {
        const more = label === undefined ? '' : `,${label}="${escaped(labelValue)}"`;
        const line = `${name}${prefix}${more}} ${value === Number.POSITIVE_INFINITY ? '+Inf' : value}\n`;
        series.set(name, (series.get(name) ?? '') + line);
      };
    },
    text: () =>
      [...series]
        .map(([name, lines]) => {
          const { help, type } = rowOf(name);
          return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines}`;
        })
        .join('\n'),
  };
}

/** As the text format has it. Almost no name needs it. */
const escaped = (value: string): string =>
  /["\\\n]/.test(value) ? value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n') : value;

/** The gauges of the secrets: set anew at each scrape from the latest that is known, so that they are right at every moment. */

import type { Instant } from '../core/time.ts';
import type { DeadTime } from './dead-time.ts';
import type { Known, Latest } from './latest.ts';
import type { Meter } from './registry.ts';
import { states, viewOf } from './view.ts';

/** Answers with what sets them; series of secrets that have left are gone by then. */
export function secretGauges(meter: Meter, latest: Latest, deadTime: DeadTime): () => void {
  const expiry = meter.gauge('leasekeeper_lease_expiry_timestamp_seconds');
  const termStart = meter.gauge('leasekeeper_lease_term_start_timestamp_seconds');
  const maxExpiry = meter.gauge('leasekeeper_lease_max_expiry_timestamp_seconds');
  const nextRenewal = meter.gauge('leasekeeper_next_renewal_timestamp_seconds');
  const nextLook = meter.gauge('leasekeeper_next_look_timestamp_seconds');
  const lastSuccess = meter.gauge('leasekeeper_last_success_timestamp_seconds');
  const tolerance = meter.gauge('leasekeeper_outage_tolerance_seconds');
  const failures = meter.gauge('leasekeeper_consecutive_failures');
  const state = meter.gauge('leasekeeper_secret_state');
  const owed = meter.gauge('leasekeeper_delivery_owed');
  const superseded = meter.gauge('leasekeeper_superseded_leases');
  const required = meter.gauge('leasekeeper_required');
  const tokenExpiry = meter.gauge('leasekeeper_token_expiry_timestamp_seconds');
  const dead = meter.counter('leasekeeper_dead_seconds_total');
  const all = [expiry, termStart, maxExpiry, nextRenewal, nextLook, lastSuccess, tolerance, failures, state, owed];
  const resettable = [...all, superseded, required, tokenExpiry, dead];

  const setToken = (known: Known) => {
    const { provider } = known.subject;
    const { expiresAt } = viewOf(known);
    if (expiresAt !== undefined) tokenExpiry.set({ provider }, stamp(expiresAt));
  };

  const setSecret = (known: Known) => {
    const { subject, nextLookAt } = known;
    const secret = subject.name;
    const view = viewOf(known);
    const { expiresAt, outageTolerance } = view;
    if (expiresAt !== undefined) expiry.set({ secret, source: subject.source }, stamp(expiresAt));
    if (view.termStart !== undefined) termStart.set({ secret }, stamp(view.termStart));
    if (view.maxExpiresAt !== undefined) maxExpiry.set({ secret }, stamp(view.maxExpiresAt));
    if (view.renewsAt !== undefined) nextRenewal.set({ secret }, stamp(view.renewsAt));
    if (nextLookAt !== undefined) nextLook.set({ secret }, stamp(nextLookAt));
    if (outageTolerance !== undefined) tolerance.set({ secret }, outageTolerance / 1000);
    for (const [act, at] of Object.entries(view.succeeded)) lastSuccess.set({ secret, act }, stamp(at));
    for (const [act, count] of Object.entries(view.failures)) failures.set({ secret, act }, count);
    for (const each of states) state.set({ secret, state: each }, each === view.state ? 1 : 0);
    for (const sink of view.sinks) owed.set({ secret, sink: sink.name }, sink.isOwed ? 1 : 0);
    superseded.set({ secret }, view.superseded);
    required.set({ secret }, subject.required ? 1 : 0);
  };

  return () => {
    for (const metric of resettable) metric.reset();
    const secrets = latest.all();
    for (const known of secrets) known.subject.isToken ? setToken(known) : setSecret(known);
    const consumers = secrets.flatMap(({ subject }) => (subject.isToken ? [] : [subject]));
    for (const { secret, sink, total } of deadTime.totals(consumers)) dead.inc({ secret, sink }, total / 1000);
  };
}

/** Seconds since the epoch. What ended at a time nobody knows ended at 0. */
const stamp = (at: Instant): number => Math.max(0, at / 1000);

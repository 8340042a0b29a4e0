/** The demo with Prometheus: somebody spoils the configuration until an alert fires, and mends it until that is resolved. */
import { rulesFile } from '../prometheus/files.ts';
import { type Alert, aPrometheus } from '../support/prometheus.ts';
import { rotated } from './lockbox.ts';

export interface Alarm {
  /** Where a person sees the alerts. */
  readonly url: string;
  /** Called again and again: moves the scene on, and answers with what is news, in words. */
  watch(): Promise<readonly string[]>;
  /** What fires now, in words. */
  firing(): string;
  /** It has fired and is resolved, or never will. */
  isOver(): boolean;
  verdict(): { readonly lines: readonly string[]; readonly faults: readonly string[] };
  stop(): Promise<void>;
}

/** Hurts nobody: the configuration before goes on. */
const expected = 'LeasekeeperConfigReloadFailed';
/** When the configuration is spoilt: all is at work by then. */
const begins = 22_000;
/** Whatever has not come by then does not come. */
const patience = 90_000;

type Scene = 'quiet' | 'spoilt' | 'mended' | 'over';

export interface AlarmOptions {
  /** The port on which the daemon serves its metrics. */
  readonly target: number;
  readonly startedAt: number;
  /** Have the daemon asked to take over a configuration that is none, and the right one again. */
  spoil(): Promise<void>;
  mend(): Promise<void>;
}

export async function startAlarm({ target, startedAt, spoil, mend }: AlarmOptions): Promise<Alarm> {
  const prometheus = await aPrometheus({ target, rules: [rulesFile] });
  let scene: Scene = 'quiet';
  let now: readonly Alert[] = [];
  let hasFired = false;
  let isResolved = false;
  const isOn = () => now.some(isExpected);

  const move = async (): Promise<readonly string[]> => {
    const age = Date.now() - startedAt;
    if (scene === 'quiet' && age >= begins) {
      scene = 'spoilt';
      await spoil();
      return ['somebody spoils the configuration: it is not taken over, and an alert is to say so'];
    }
    if (scene === 'spoilt' && (isOn() || age > patience)) {
      hasFired = isOn();
      scene = 'mended';
      await mend();
      return ['the configuration is mended: the alert is to be resolved'];
    }
    if (scene === 'mended' && (!isOn() || age > patience)) {
      isResolved = hasFired && !isOn();
      scene = 'over';
    }
    return [];
  };

  return {
    url: `${prometheus.url}/alerts`,
    async watch() {
      const before = now;
      now = (await prometheus.alerts()).filter(({ state }) => state === 'firing');
      const fired = now.filter((alert) => !before.some((other) => isSame(alert, other)));
      const resolved = before.filter((alert) => !now.some((other) => isSame(alert, other)));
      const moved = await move();
      return [
        ...fired.map((alert) => `ALERT     ${nameOf(alert)}: ${alert.annotations['description']}`),
        ...resolved.map((alert) => `resolved  ${nameOf(alert)}`),
        ...(fired.some(isPaced) ? [unhurried] : []),
        ...moved,
      ];
    },
    firing: () => (now.length === 0 ? 'none' : now.map(nameOf).join(', ')),
    isOver: () => scene === 'over',
    verdict() {
      const faults = [
        !hasFired && `${expected} never fired although the configuration was spoilt`,
        hasFired && !isResolved && `${expected} was never resolved although the configuration was mended`,
      ].filter((fault) => fault !== false);
      return { lines: [`alert fired / resolved     ${sayWhether(hasFired)} / ${sayWhether(isResolved)}`], faults };
    },
    stop: () => prometheus.stop(),
  };
}

const isExpected = ({ labels }: Alert): boolean => labels['alertname'] === expected;

const isPaced = ({ labels }: Alert): boolean =>
  labels['alertname'] === 'LeasekeeperRotationOverdue' && labels['secret'] === rotated;

/** The pace of acquires, which is part of the program, is slower than the demo's rotations. */
const unhurried = 'that one is late by our own rule: no more than four rotations in five and a half minutes';

const sayWhether = (isSo: boolean): string => (isSo ? 'yes' : 'no');

const nameOf = ({ labels: { alertname = '', severity = '', secret, provider } }: Alert): string =>
  `${alertname} (${severity}, ${secret ?? provider ?? 'the daemon'})`;

const isSame = (one: Alert, other: Alert): boolean => JSON.stringify(one.labels) === JSON.stringify(other.labels);

/** The demo with Prometheus: Lockbox stops answering until an alert fires, and answers again until it is resolved. */
import { rulesFile } from '../prometheus/files.ts';
import type { LockboxSandbox } from '../sandbox/yandex/sandbox.ts';
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

/** That a password is rotated late hurts nobody, and is told within seconds, since it is rotated every 15 s. */
const expected = 'LeasekeeperRotationOverdue';
/** When Lockbox goes: the version that somebody wants to destroy is rescued by then. */
const begins = 22_000;
/** Whatever has not come by then does not come. */
const patience = 90_000;

type Scene = 'quiet' | 'down' | 'back' | 'over';

/** `target`: the port on which the daemon serves its metrics. */
export async function startAlarm(target: number, lockbox: LockboxSandbox, startedAt: number): Promise<Alarm> {
  const prometheus = await aPrometheus({ target, rules: [rulesFile] });
  let scene: Scene = 'quiet';
  let now: readonly Alert[] = [];
  let hasFired = false;
  const isOn = () => now.some(({ labels }) => labels['alertname'] === expected && labels['secret'] === rotated);

  const move = async (): Promise<readonly string[]> => {
    const age = Date.now() - startedAt;
    if (scene === 'quiet' && age >= begins) {
      scene = 'down';
      await lockbox.control.down();
      return [`Lockbox stops answering: ${rotated} cannot be rotated, and an alert is to say so`];
    }
    if (scene === 'down' && (isOn() || age > patience)) {
      hasFired = isOn();
      scene = 'back';
      await lockbox.control.up();
      return ['Lockbox answers again: the alert is to be resolved without anybody doing anything'];
    }
    if (scene === 'back' && (!isOn() || age > patience)) scene = 'over';
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
        ...moved,
      ];
    },
    firing: () => (now.length === 0 ? 'none' : now.map(nameOf).join(', ')),
    isOver: () => scene === 'over',
    verdict() {
      const isResolved = scene === 'over' && !isOn();
      const faults = [
        !hasFired && `${expected} never fired although Lockbox was away`,
        hasFired && !isResolved && `${expected} was never resolved although Lockbox is back`,
      ].filter((fault) => fault !== false);
      return { lines: [`alert fired / resolved     ${sayWhether(hasFired)} / ${sayWhether(isResolved)}`], faults };
    },
    stop: () => prometheus.stop(),
  };
}

const sayWhether = (isSo: boolean): string => (isSo ? 'yes' : 'no');

const nameOf = ({ labels: { alertname = '', severity = '', secret, provider } }: Alert): string =>
  `${alertname} (${severity}, ${secret ?? provider ?? 'the daemon'})`;

const isSame = (one: Alert, other: Alert): boolean => JSON.stringify(one.labels) === JSON.stringify(other.labels);

/** Makes secrets that can be kept out of the configuration: providers with their tokens and gates, sources, and sinks. */
import { sleep } from './clock.ts';
import type { Configuration, ProviderConfiguration, SecretConfiguration } from './config/configuration.ts';
import type { Holding } from './core/record.ts';
import { type Duration, seconds } from './core/time.ts';
import { fraction } from './core/timetable.ts';
import { Gate } from './keeper/gate.ts';
import type { Hands } from './keeper/hands.ts';
import { clockHasMoved, tokenRejected } from './keeper/notice.ts';
import { type Ports, type Secret, secretOf, type Visit } from './keeper/secret.ts';
import { openOutputs, type SharedSink } from './outputs.ts';
import type { Job } from './queue/scheduler.ts';
import type { SinkDeps } from './sinks/define.ts';
import { type MemorySink, memorySink } from './sinks/memory.ts';
import { reloadAll } from './sinks/reload.ts';
import type { Deps, LookName, Provider, ProviderRequest } from './sources/define.ts';
import { keyed } from './state/keyed.ts';
import { Turns } from './state/turns.ts';

/** What the secrets use of the program and of the machine. */
export interface Surroundings {
  readonly ports: Ports;
  readonly deps: Pick<Deps, 'clock' | 'env' | 'markKey'>;
  readonly sinkDeps: SinkDeps;
  readonly hands: Hands;
  /** The name of this machine among others. */
  readonly host: string;
  readonly onRequest: (provider: string, request: ProviderRequest) => void;
  readonly onSkew: (provider: string, skew: Duration) => void;
  /** Something that nobody waits for went wrong. */
  readonly onError: (doing: string, error: unknown) => void;
  /** Aborts when the program ends. */
  readonly signal: AbortSignal;
}

/** All that is kept under one configuration. */
export interface Household {
  readonly secrets: ReadonlyMap<string, Kept>;
  readonly connections: ReadonlyMap<string, Connection>;
  readonly jobs: readonly Job[];
  /** Of those who write to one output. */
  readonly turns: Turns;
  visit(secret: string, signal: AbortSignal): Visit | undefined;
}

export interface Kept {
  readonly secret: Secret;
  readonly look: LookName;
  /** What its record is kept under: another source under the same name is another secret. */
  readonly key: string;
  /** Its leases end when the daemon does. */
  readonly endsWithUs: boolean;
}

export interface Connection {
  readonly configuration: ProviderConfiguration;
  readonly provider: Provider;
  readonly gate: Gate;
  readonly token?: { readonly kept: Kept; readonly memory: MemorySink };
  /** Tells the keeper of the token that it was rejected. Set by each household that uses the connection. */
  rejectToken: (token: Holding) => void;
  /** Tells the keeper that the provider's clock is not what we took it for. Set in the same way. */
  clockHasMoved: () => void;
}

/** No secret of the configuration has a `/` in its name. */
export const tokenOf = (provider: string): string => `${provider}/token`;

/** What the former household has of the same provider or secret is taken over: connections, and values in memory. */
export function assemble(configuration: Configuration, around: Surroundings, former?: Household): Household {
  const connections = new Map(
    Object.entries(configuration.providers).map(([name, wanted]) => {
      const known = former?.connections.get(name);
      const isSame = known !== undefined && known.configuration.digest === wanted.digest;
      return [name, isSame ? known : connect(name, wanted, around, known)] as const;
    }),
  );
  const tokens = [...connections.values()].flatMap(({ token }) => token?.kept ?? []);
  const turns = former?.turns ?? new Turns();
  const shared = openOutputs(configuration.outputs, around.sinkDeps, {
    visit: (secret) => visit(secret, around.signal),
    sleep: (delay) => sleep(delay, around.signal),
    turns,
  });
  const named = configuration.secrets.map((one) => keep(one, shared, connections, around, former));
  const secrets = new Map([...tokens, ...named].map((kept) => [kept.secret.name, kept]));
  const store = keyed(around.ports.store, (name) => secrets.get(name)?.key ?? name);
  const ports: Ports = { ...around.ports, store };
  const visit = (name: string, signal: AbortSignal): Visit | undefined => {
    const kept = secrets.get(name);
    return kept && { secret: kept.secret, ports, signal };
  };
  for (const [name, connection] of connections) adopt(name, connection, secrets, visit, around);
  return { secrets, connections, visit, turns, jobs: [...secrets.values()].flatMap(jobsOf) };
}

const jobsOf = ({ secret }: Kept): Job[] => [
  { kind: 'look', secret: secret.name },
  ...Object.keys(secret.sinks).map((sink): Job => ({ kind: 'deliver', secret: secret.name, sink })),
  ...(secret.reload ? [{ kind: 'reload', secret: secret.name } as const] : []),
];

/** Of a connection that was there before only the token is taken over, where it would be the same one. */
function connect(
  name: string,
  configuration: ProviderConfiguration,
  around: Surroundings,
  known: Connection | undefined,
): Connection {
  const { ports, deps } = around;
  const key = `${tokenOf(name)}@${configuration.identity}`;
  const former = known?.token?.kept.key === key ? known.token : undefined;
  const { slots } = configuration;
  const gateOf = (door: string, before: Gate | undefined) =>
    new Gate({
      name: door,
      clock: deps.clock,
      emit: ports.emit,
      former: before,
      ...(slots !== undefined && { slots }),
    });
  const isSameProvider = known?.configuration.identity === configuration.identity;
  const gate = gateOf(name, isSameProvider ? known?.gate : undefined);
  const memory = former?.memory ?? memorySink();
  /** The skew with which everything was last looked at. */
  let reckoned: Duration = 0;
  const provider = configuration.connect({
    ...deps,
    name,
    token: () => {
      const held = memory.present();
      return held && { lease: held.lease, generation: held.generation, material: held.material };
    },
    tokenRejected: (token) => connection.rejectToken(token),
    onRequest: (request) => around.onRequest(name, request),
    onSkew: (skew) => {
      around.onSkew(name, skew);
      if (Math.abs(skew - reckoned) < clockTolerance) return;
      reckoned = skew;
      connection.clockHasMoved();
    },
  });
  const token = provider.token && {
    memory,
    kept: {
      look: 'refresh-token' as const,
      key,
      endsWithUs: false,
      secret: secretOf({
        name: tokenOf(name),
        type: provider.token.type,
        provider: name,
        required: false,
        isToken: true,
        source: provider.token.source,
        sinks: { memory },
        sinkTypes: { memory: 'memory' },
        policy: configuration.policy,
        // Who waits for a token must not stand between the token and its own login.
        gate: gateOf(tokenOf(name), former?.kept.secret.gate),
        users: gate,
        hand: around.hands.of(key, !former),
      }),
    },
  };
  const connection: Connection = {
    configuration,
    provider,
    gate,
    ...(token && { token }),
    rejectToken: () => undefined,
    clockHasMoved: () => undefined,
  };
  return connection;
}

/** Dates are not more exact than this anyway. */
const clockTolerance: Duration = seconds(2);

function keep(
  configuration: SecretConfiguration,
  outputs: readonly SharedSink[],
  connections: ReadonlyMap<string, Connection>,
  around: Surroundings,
  former: Household | undefined,
): Kept {
  const { name, source, policy, sinks, verify, reload, required, exclusive, onShutdown, onExpired } = configuration;
  const connection = connections.get(source.provider);
  if (!connection) throw new Error(`${name}: there is no provider ${source.provider}`);
  const key = `${name}@${source.identity}`;
  const known = former?.secrets.get(name);
  const shared = outputs.filter(({ from }) => from.includes(name));
  const all = [
    ...sinks.map((sink) => ({ name: sink.name, type: sink.type, sink: sink.open(around.sinkDeps) })),
    ...shared.map((output) => ({ name: output.name, type: output.type, sink: output.sinkOf(name) })),
  ];
  const steps = reload.steps.map((step) => step.open(around.sinkDeps));
  // Another one on each machine, and the same one each time.
  const share = Math.floor(reload.splay * fraction(`${name}@${around.host}`));
  return {
    look: source.look,
    key,
    endsWithUs: onShutdown === 'revoke',
    secret: secretOf({
      name,
      type: source.type,
      provider: source.provider,
      required,
      isToken: false,
      source: source.open(connection.provider),
      sinks: Object.fromEntries(all.map((one) => [one.name, one.sink])),
      sinkTypes: Object.fromEntries(all.map((one) => [one.name, one.type])),
      policy,
      exclusive,
      gate: connection.gate,
      ...(verify && { verify: verify.open(around.sinkDeps), trusts: verify.trusts }),
      ...(steps.length > 0 && { reload: reloadAll(steps) }),
      ...(reload.debounce + share > 0 && { reloadAfter: reload.debounce + share }),
      takesBack: onExpired === 'remove',
      hand: around.hands.of(key, known?.key !== key),
    }),
  };
}

/** From now on this household hears what the provider's client has to say. */
function adopt(
  name: string,
  connection: Connection,
  secrets: Household['secrets'],
  visit: Household['visit'],
  { signal, onError }: Surroundings,
): void {
  // Who needs it has a place in the line there, and is called when its turn comes.
  connection.token?.memory.tell(() => connection.gate.unblock());
  connection.rejectToken = (token) => {
    const visitor = visit(tokenOf(name), signal);
    if (!visitor) return;
    tokenRejected(visitor, token).catch((error: unknown) => onError(`replacing the rejected token of ${name}`, error));
  };
  connection.clockHasMoved = async () => {
    const all = [...secrets.values()].filter(({ secret }) => secret.provider === name);
    for (const { secret } of all) {
      const visitor = visit(secret.name, signal);
      if (!visitor || signal.aborted) return;
      const say = (error: unknown) => onError(`looking at ${secret.name} again, by the clock of ${name}`, error);
      await clockHasMoved(visitor).catch(say);
    }
  };
}

/** A Secret of ours: applied whole, never over somebody else's values, nor over newer ones. */
import { LeaseError } from '../../core/failure.ts';
import { begun } from '../rights.ts';
import type { Sink } from '../sink.ts';
import { missingRights } from './access.ts';
import type { KubernetesApi } from './api.ts';
import { contentOf, type Marking, type SecretContent } from './content.ts';
import { inWords } from './failures.ts';
import { managedBy, us } from './names.ts';
import { type Applied, type Place, placeOf } from './place.ts';
import { restart, rightTo, type Workload } from './restart.ts';
import { type FoundSecret, isOurs, isShared, ownFields, rivalsFor, sequenceIn } from './secret.ts';

export interface SecretOptions extends SecretContent {
  readonly name: string;
  /** Absent: where we are at home. */
  readonly namespace?: string | undefined;
  readonly create: boolean;
  readonly adopt: boolean;
  readonly restart: readonly Workload[];
}

/** So often others may come between our reading and our writing. */
const tries = 5;

export function secretSink(options: SecretOptions, api: KubernetesApi, marking: Marking): Sink {
  const { name, create, adopt, restart: workloads } = options;
  const at = async (signal: AbortSignal): Promise<Place> => {
    if (signal.aborted) throw no('stopped before anything was written');
    return placeOf(api, options.namespace ?? (await api.namespace()), name, signal);
  };
  const called = ({ namespace }: Place) => `the Secret ${namespace}/${name}`;
  const absent = (place: Place) =>
    no(`there is no Secret ${place.namespace}/${name}, and create: false says not to make it`);

  /** Why nothing may be written over what is there. Somebody can change that at any time, so that we go on trying. */
  function objection(place: Place, there: FoundSecret): string | undefined {
    const what = called(place);
    if (there.metadata.deletionTimestamp !== undefined)
      return `${what} is being deleted: it is made anew when it is gone`;
    if (there.immutable) return `${what} is immutable, so that nobody can change it: delete it, and it is made anew`;
    if (there.type !== options.secretType) {
      const type = /^[\x21-\x7e]{1,100}$/.test(there.type) ? there.type : 'another one';
      return `${what} has the type ${type}, and nobody can change a type: set secretType: to that, or delete it`;
    }
    if (adopt || isOurs(there) || Object.keys(there.data).length === 0) return undefined;
    return foreign(place);
  }

  const foreign = (place: Place) =>
    `${called(place)} has values and is not leasekeeper's: choose another name, delete it, or take it over by adopt: true`;

  const newer = (place: Place, there: FoundSecret, sequence: number): string | undefined => {
    const found = sequenceIn(there) ?? 0;
    if (found <= sequence) return undefined;
    return (
      `${called(place)} has newer values (${found}) than ours (${sequence}): is another leasekeeper writing it? ` +
      `If not: kubectl -n ${place.namespace} annotate secret ${name} leasekeeper/sequence-`
    );
  };

  function contested(place: Place, fields: readonly string[], managers: readonly string[]): LeaseError {
    const plain = fields.filter((field) => /^[A-Za-z0-9_./-]{1,300}$/.test(field)).slice(0, 3);
    const what = plain.length > 0 ? plain.join(', ') : 'fields';
    return no(
      `${what} of ${called(place)} belongs to ${managers.join(' and ')}: ` +
        'remove it there, or take it over by adopt: true',
    );
  }

  /** Our values are taken back, and what others put there stays. */
  const withdraw = (place: Place, secret: FoundSecret): Promise<Applied> =>
    place.apply({ type: ownFields(secret).type, data: {}, labels: {}, annotations: {} }, secret);

  return {
    saysUnsure: true,

    async check(signal) {
      const place = await at(signal);
      const needed = [
        place.right('get', ...(create ? ['create'] : []), 'patch'),
        ...workloads.map((one) => rightTo(one, place.namespace)),
      ];
      const missing = await missingRights(api, needed, signal);
      if (missing.length > 0) throw no(`forbidden: grant ${missing.map(inWords).join('; ')}`);
      const there = await place.read();
      if (!there && !create) throw absent(place);
      if (!there) {
        // Whether there is such a namespace, and whether it takes one more, only trying tells.
        const shell = { type: 'Opaque', data: {}, labels: { ...options.labels, [managedBy]: us } };
        await place.apply({ ...shell, annotations: options.annotations }, undefined, { dryRun: true });
        return;
      }
      const reason = objection(place, there);
      if (reason !== undefined) throw no(reason);
      const keys = new Set([
        ...Object.keys(ownFields(there).data),
        ...(options.keys === 'all' ? [] : Object.keys(options.keys)),
      ]);
      const fields = [...keys].map((key) => `.data.${key}`);
      const { managers } = rivalsFor(fields, there);
      if (managers.length > 0 && !adopt) throw contested(place, fields, managers);
    },

    async isTaken(signal) {
      const there = await (await at(signal)).read();
      return there !== undefined && Object.keys(there.data).length > 0;
    },

    write: ({ material, sequence }, signal) =>
      begun(async (begin) => {
        const wanted = contentOf(material, options, sequence);
        const place = await at(signal);
        for (let attempt = 1; attempt <= tries; attempt += 1) {
          const there = await place.read();
          if (!there && !create) throw absent(place);
          const reason = there && (objection(place, there) ?? newer(place, there, sequence));
          if (reason !== undefined) throw no(reason);
          let done = await place.apply(wanted, there, { force: adopt });
          if ('conflicts' in done && done.conflicts.length > 0 && there) {
            const { managers, isByHand } = rivalsFor(done.conflicts, there);
            if (managers.length > 0) throw contested(place, done.conflicts, managers);
            // Still only onto what was read: whoever else comes between is seen.
            if (isByHand) done = await place.apply(wanted, there, { force: true });
          }
          if ('conflicts' in done) continue;
          begin();
          if (!there && !done.isNew && !adopt && isShared(done.secret)) {
            // Somebody made it between our reading and our writing: nothing of his was overwritten.
            await withdraw(place, done.secret);
            throw no(foreign(place));
          }
          const mark = marking.of(wanted);
          if (marking.of(ownFields(done.secret)) === mark) return mark;
          throw new LeaseError(
            'invalid',
            `${called(place)} was changed on its way: see which admission webhook does that`,
          );
        }
        throw no(`somebody else changes ${called(place)} all the time`);
      }),

    async holds(mark, signal) {
      const there = await (await at(signal)).read();
      if (!there || there.metadata.deletionTimestamp !== undefined) return false;
      return marking.isOf(mark, ownFields(there));
    },

    async remove(signal) {
      const place = await at(signal);
      for (let attempt = 1; attempt <= tries; attempt += 1) {
        const there = await place.read();
        if (!there || there.metadata.deletionTimestamp !== undefined || !isOurs(there)) return;
        // Where others keep values of theirs, or made it, it is not ours to delete.
        if (!create || isShared(there)) {
          if ('secret' in (await withdraw(place, there))) return;
        } else if (await place.delete(there)) return;
      }
      throw no(`somebody else changes ${called(place)} all the time`);
    },

    ...(workloads.length > 0 && {
      async reload(signal) {
        const place = await at(signal);
        const there = await place.read();
        const sequence = there && sequenceIn(there);
        if (sequence === undefined)
          throw no(`${called(place)} does not say which values it has: it is to be written first`);
        const { namespace } = place;
        for (const one of workloads) await restart(api, one, { secret: name, sequence, namespace }, signal);
      },
    }),
  };
}

const no = (words: string): LeaseError => new LeaseError('unavailable', words);

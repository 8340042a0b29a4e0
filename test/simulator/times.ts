/** What time one process takes it to be at each provider; it asks for that before it begins. */
import { seconds } from '../../src/core/time.ts';
import { type Door, nearly } from './client.ts';
import type { Surroundings } from './daemon.ts';
import type { House } from './house.ts';
import type { Life } from './life.ts';
import { reckoning } from './reckoning.ts';
import { idle } from './timeline.ts';

export type Time = Pick<Door, 'clock' | 'uncertainty' | 'knowsTime' | 'heard'>;

/** Each provider's time, as this process reckons it. */
export function timesBy(
  { timeline, dice, clockError, troubles }: Surroundings,
  life: Life,
  onMoved: (house: House) => void,
) {
  const times = new Map<House, Time>();
  const isUp = ({ name }: House) => ['provider', 'hang'].every((what) => !troubles.isDown(`${what}/${name}`));
  return (house: House): Time => {
    const known = times.get(house);
    if (known) return known;
    if (clockError === undefined) {
      const clock = nearly(house, timeline, dice.roll() * 2 - 1);
      return { clock, uncertainty: () => house.uncertainty, knowsTime: () => true, heard: () => undefined };
    }
    const { clock, uncertainty, isDoubted, hear } = reckoning(timeline, clockError, () => onMoved(house));
    let isKnown = false;
    let isAsking = false;
    let over: (() => void) | undefined;
    const heard = (sentAt: number, at: number) => {
      // The first answer of all is believed: what a proxy stamps comes among others.
      const date = house.dateOf(at, !isKnown);
      if (!isKnown) house.learntAt = timeline.now();
      // As the client has it: who is told that the clock has moved finds that it is known.
      isKnown = true;
      hear(sentAt, date);
      if (isDoubted() && !isAsking) {
        isAsking = true;
        timeline.after(seconds(5), () => life.whenAwake(askAgain, true));
      }
      if (!house.hasLied) return;
      // From here on, until it says the truth again and is believed.
      const wrongBy = clock.now() - timeline.now() - house.skew;
      const isMisled = Math.abs(wrongBy) > house.uncertainty;
      // One lie may follow another, and the next process begin with that.
      const isAnother = Math.abs(wrongBy - house.misledBy) > house.uncertainty;
      if (isMisled !== house.hasMisled || isAnother) {
        house.turnedAt = timeline.now();
        house.misledBy = wrongBy;
      }
      house.hasMisled = isMisled;
      if (isMisled === (over !== undefined)) return;
      if (isMisled) over = troubles.begin(`dates/${house.name}`, timeline.now(), 'broken');
      else over = void over?.();
    };
    const askAgain = () => {
      isAsking = false;
      if (!life.isAlive || !isUp(house)) return idle;
      return heard(timeline.now() - 100, timeline.now() - 50);
    };
    // As the daemon does: on and on, each time for three seconds, five after the last.
    const learn = () => {
      if (isKnown || !life.isAlive) return idle;
      if (!isUp(house)) timeline.after(seconds(8), () => life.whenAwake(learn, true));
      else heard(timeline.now() - 100, timeline.now() - 50);
      return undefined;
    };
    learn();
    const time = { clock, uncertainty, knowsTime: () => isKnown, heard };
    times.set(house, time);
    return time;
  };
}

/** The ways into a Node process by which values could be read from its memory: refused at start. */

const hatch = /^--(?:inspect|debug|report|heap|cpu-prof|abort-on-uncaught|diagnostic-dir|redirect-warnings)/;

const nameOf = (option: string): string => (option.split('=', 1)[0] ?? '').replace(/_/g, '-');

/** The options among those that would open one, by name. `nodeOptions` is the variable `NODE_OPTIONS`. */
export function openHatches(options: readonly string[], nodeOptions: string | undefined): readonly string[] {
  const all = [...options, ...(nodeOptions ?? '').split(/\s+/).map((option) => option.replace(/^["']|["']$/g, ''))];
  return [...new Set(all.map(nameOf).filter((name) => hatch.test(name)))];
}

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

const filesIn = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`)
    .sort();

const sources = filesIn('src');
const textOf = new Map([...sources, ...filesIn('test')].map((file) => [file, readFileSync(join(root, file), 'utf8')]));

/** The text of a file without its comments: what they talk about is not done. */
const code = (file: string): string =>
  (textOf.get(file) ?? '').replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');

const importing = [/^(?:import|export)\b[^'";]*?\bfrom '([^']+)'/gm, /^import '([^']+)'/gm, /\bimport\('([^']+)'\)/g];

/** Each import of a file: another file of ours, `node:…`, or the name of a package. */
function importsOf(file: string): readonly string[] {
  const text = code(file);
  const named = importing.flatMap((form) => [...text.matchAll(form)].map(([, name = '']) => name));
  return named.map((name) => (name.startsWith('.') ? normalize(join(dirname(file), name)) : name));
}

const within = (folder: string): readonly string[] => sources.filter((file) => file.startsWith(`src/${folder}/`));
const isOurs = (name: string): boolean => name.startsWith('src/');
const isPackage = (name: string): boolean =>
  !isOurs(name) && !name.startsWith('node:') && !name.startsWith('package.json');

/** `file -> import` for each import of these files that is not allowed. */
const strays = (files: readonly string[], isAllowed: (name: string, file: string) => boolean): readonly string[] =>
  files.flatMap((file) => importsOf(file).flatMap((name) => (isAllowed(name, file) ? [] : [`${file} -> ${name}`])));

/** May import files of ours from these folders, and these files, besides its own folder. */
const mayImport = (folder: string, folders: readonly string[], files: readonly string[] = []) =>
  strays(
    within(folder),
    (name) =>
      !isOurs(name) ||
      [folder, ...folders].some((one) => name.startsWith(`src/${one}/`)) ||
      files.some((one) => name === `src/${one}`),
  );

const shared = ['clock.ts', 'given-file.ts', 'config/values.ts', 'config/credential.ts'];

describe('who imports whom', () => {
  it('is about files that are there', () => {
    const folders = ['core', 'keeper', 'sources', 'sinks', 'http', 'state', 'queue', 'config', 'observability', 'cli'];
    for (const folder of folders) expect([folder, within(folder).length > 0]).toEqual([folder, true]);
    expect(importsOf('src/config/load.ts')).toContain('src/sources/index.ts');
    expect(importsOf('src/cli/run.ts')).toContain('src/daemon.ts');
  });

  it('the core imports nothing but itself', () => {
    // `node:util` only to be able to refuse to be printed.
    expect(strays(within('core'), (name) => name.startsWith('src/core/') || name === 'node:util')).toEqual([]);
  });

  it('the keeper knows the core and the four ports, and no clock', () => {
    const ports = ['sources/source.ts', 'sinks/sink.ts', 'state/store.ts', 'queue/scheduler.ts'];
    expect(mayImport('keeper', ['core'], ports)).toEqual([]);
  });

  it.each(['sources', 'sinks'])('%s know the core, HTTP, and of the configuration its values', (folder) => {
    expect(mayImport(folder, ['core', 'http'], shared)).toEqual([]);
  });

  it('HTTP knows the core and the clock', () => {
    expect(mayImport('http', ['core'], ['clock.ts', 'given-file.ts'])).toEqual([]);
  });

  it.each(['queue', 'state'])('%s know the core', (folder) => {
    expect(mayImport(folder, ['core'], ['clock.ts', 'aborted.ts', 'given-file.ts', 'config/credential.ts'])).toEqual(
      [],
    );
  });

  it('the configuration knows the core and the plugins by their lists', () => {
    const faces = [
      'sources/source.ts',
      'sources/define.ts',
      'sinks/sink.ts',
      'sinks/define.ts',
      'sinks/reload.ts',
      'sinks/verify.ts',
      'given-file.ts',
    ];
    expect(mayImport('config', ['core'], ['sources/index.ts', 'sinks/index.ts', ...faces])).toEqual([]);
  });

  it('metrics, logs and probes know the core and what the keeper tells', () => {
    expect(mayImport('observability', ['core'], ['keeper/events.ts', 'clock.ts', 'version.ts'])).toEqual([]);
  });

  it("the status page's program in the browser knows what the daemon tells it, and that by its types alone", () => {
    const own = 'observability/page/browser';
    expect(mayImport(own, [], ['observability/page/page.ts', 'observability/page/status.ts'])).toEqual([]);
    const imported = within(own).flatMap((file) => code(file).match(/^import .* from '\.\..*$/gm) ?? []);
    expect(imported.length).toBeGreaterThan(3);
    expect(imported.filter((line) => !line.startsWith('import type '))).toEqual([]);
  });

  it('the commands know the configuration, the core and the daemon', () => {
    expect(mayImport('cli', ['config', 'core'], ['daemon.ts', 'version.ts'])).toEqual([]);
    expect(strays(['src/main.ts'], (name) => !isOurs(name) || name.startsWith('src/cli/'))).toEqual([]);
  });

  it('the clock knows nobody but the type of what it is, and the machine', () => {
    expect(importsOf('src/clock.ts')).toEqual(['node:os', 'src/core/time.ts']);
  });

  it('no provider knows another, and no sink another', () => {
    const ownFolder = (file: string): string | undefined => /^src\/sources\/([^/]+)\//.exec(file)?.[1];
    const foreign = (name: string, file: string) => {
      const [theirs, ours] = [ownFolder(name), ownFolder(file)];
      return theirs !== undefined && ours !== undefined && theirs !== ours;
    };
    expect(strays(within('sources'), (name, file) => !foreign(name, file))).toEqual([]);
    const plugins = importsOf('src/sinks/index.ts').filter(isOurs);
    expect(plugins.length).toBeGreaterThan(0);
    expect(strays(plugins, (name) => !plugins.includes(name))).toEqual([]);
  });
});

/** The composition root: whatever stands beside `daemon.ts` itself. */
const isRoot = (file: string): boolean => /^src\/[^/]+\.ts$/.test(file) && file !== 'src/main.ts';
const isIn =
  (...folders: string[]) =>
  (file: string): boolean =>
    folders.some((folder) => file.startsWith(`src/${folder}/`));

describe('which package is used where', () => {
  const places: Readonly<Record<string, (file: string) => boolean>> = {
    bullmq: isIn('queue'),
    ioredis: (file) => isIn('queue', 'state', 'sinks/redis')(file) || isRoot(file),
    'prom-client': isIn('observability'),
    pino: isIn('observability'),
    liquidjs: isIn('sinks'),
    undici: isIn('http'),
    croner: isIn('config'),
    commander: isIn('cli'),
    yaml: isIn('config', 'sinks'),
    zod: isIn('config', 'sources', 'sinks', 'http', 'state'),
  };

  it('is settled for each, and no other is used', () => {
    const used = strays(sources, (name, file) => !isPackage(name) || (places[name]?.(file) ?? false));
    expect(used).toEqual([]);
  });

  it('is about the packages that are declared', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(Object.keys(places).sort()).toEqual(Object.keys(dependencies).sort());
  });
});

describe('what is done in one place only', () => {
  // The status page's own program runs in a browser, where the clock is another.
  const users = (what: RegExp): readonly string[] =>
    sources.filter((file) => what.test(code(file)) && !isIn('observability/page/browser')(file));

  it.each([
    ['reading the wall clock', /\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)/, ['src/clock.ts']],
    ['reading the monotonic clock', /\bperformance\.(now|timeOrigin)\b|\bhrtime\b/, ['src/clock.ts']],
    ['setting timers', /(?<!\.)\bset(Timeout|Interval)\b|globalThis\.set|node:timers/, ['src/clock.ts']],
    ['reading the environment', /\bprocess\.env\b|\benv\b[^'"\n]*\bfrom 'node:process'/, ['src/main.ts']],
  ])('%s', (_, what, where) => {
    expect(users(what)).toEqual(where);
  });

  it('chance comes from node:crypto, and nowhere from Math.random', () => {
    expect(users(/\bMath\.random\b/)).toEqual([]);
  });

  it('values are revealed in sources and sinks only, and where they are sealed', () => {
    // Where `Material` itself says how, and nowhere else.
    const others = ['src/core/material.ts', 'src/state/seal.ts'];
    const revealing = users(/\breveal\(/).filter((file) => !others.includes(file));
    expect(revealing.length).toBeGreaterThan(0);
    expect(revealing.filter((file) => !isIn('sources', 'sinks')(file))).toEqual([]);
  });

  it('the core awaits nothing', () => {
    expect(within('core').filter((file) => /\bawait\b|\basync\b|\bPromise\b/.test(code(file)))).toEqual([]);
  });
});

describe('the files', () => {
  const all = [...textOf.keys()];

  it('are short enough to be read', () => {
    const long = all.flatMap((file) => {
      const lines = (textOf.get(file) ?? '').split('\n').length - 1;
      const most = file.startsWith('src/') ? 250 : 400;
      return lines > most ? [`${file}: ${lines}`] : [];
    });
    expect(long).toEqual([]);
  });

  it('are named after what they do', () => {
    const banned = /(^|[/.-])(utils?|helpers?|commons?|managers?|misc|stuff)([/.-]|$)/i;
    expect(all.filter((file) => banned.test(file))).toEqual([]);
    expect(all.filter((file) => !/^[a-z0-9./-]+$/.test(file))).toEqual([]);
  });

  it('of the program open with a sentence on what they are for', () => {
    expect(sources.filter((file) => !/^\/\*\*[\s\S]{10,}?\*\//.test(textOf.get(file) ?? ''))).toEqual([]);
  });

  it('of the program export by name', () => {
    expect(sources.filter((file) => /\bexport default\b/.test(code(file)))).toEqual([]);
  });

  it('of the tests leave none out', () => {
    const tests = filesIn('test').filter((file) => file !== 'test/architecture.test.ts');
    expect(tests.filter((file) => /\b(it|test|describe)\.(skip|only|todo|fails)\(/.test(code(file)))).toEqual([]);
  });
});

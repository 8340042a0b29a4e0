/**
 * Makes a machine that has only Node and npm able to run the demo or the tests: npm packages, and the Debian packages
 * that are named as arguments. Needs nothing itself. Does nothing where all is there.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
process.chdir(root);

/** By the command that is needed, the Debian package that brings it. */
const packageOf = {
  'redis-server': 'redis-server',
  promtool: 'prometheus',
  prometheus: 'prometheus',
  openssl: 'openssl',
  setpriv: 'util-linux',
  chromium: 'chromium',
};

const [major = 0, minor = 0, patch = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && (minor < 18 || (minor === 18 && patch < 1)))) {
  fail(`leasekeeper needs Node 20.18.1 or later; this is ${process.versions.node}`);
}

const missing = process.argv.slice(2).filter((command) => !isOnPath(command));
if (missing.length > 0) installDebianPackages([...new Set(missing.map((command) => packageOf[command] ?? command))]);
installNpmPackages();

/** `npm ci`, where the last one was for another lock file or never ended. */
function installNpmPackages() {
  const stamp = join('node_modules', '.lock-installed');
  const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  if (lstatSync('node_modules', { throwIfNoEntry: false })?.isSymbolicLink()) {
    fail('node_modules is a link, and npm ci would empty what it leads to: run npm ci there, or remove the link');
  }
  say('installing the npm packages (npm ci)');
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {}, 'npm ci failed: see its words above');
  writeFileSync(stamp, lock);
}

function installDebianPackages(packages) {
  const line = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  const prefix = privilege();
  if (!isOnPath('apt-get')) fail(`this machine lacks ${packages.join(', ')} and has no apt-get: install them by hand`);
  if (!prefix) fail(`this machine lacks ${packages.join(', ')}, and we may not install them; as root, run:\n  ${line}`);
  say(`installing the Debian packages ${packages.join(', ')}`);
  // On a host with an init system these packages would start services of their own.
  const policy = '/usr/sbin/policy-rc.d';
  const isOurs = !existsSync(policy);
  if (isOurs) {
    const forbid = `printf '#!/bin/sh\\nexit 101\\n' > ${policy} && chmod 755 ${policy}`;
    run(...as(prefix, ['sh', '-c', forbid]), {}, `cannot write ${policy}`);
  }
  try {
    const environment = { DEBIAN_FRONTEND: 'noninteractive' };
    run(...as(prefix, ['apt-get', 'update', '-qq']), environment, 'apt-get update failed: see its words above');
    const install = ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...packages];
    run(...as(prefix, install), environment, `this failed: ${line}`);
  } finally {
    if (isOurs) spawnSync(...as(prefix, ['rm', '-f', policy]));
  }
}

/** What to put before a command to run it as root: nothing, or sudo where it asks no password. */
function privilege() {
  if (process.getuid?.() === 0) return [];
  return isOnPath('sudo') && spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined;
}

function as(prefix, command) {
  const [program, ...rest] = [...prefix, ...command];
  return [program, rest];
}

function isOnPath(command) {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'].some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function run(program, args, environment, complaint) {
  const { status } = spawnSync(program, args, {
    // Standard output belongs to what comes after the set-up.
    stdio: ['ignore', 2, 2],
    env: { ...process.env, ...environment },
  });
  if (status === 0) return;
  rmSync(join('node_modules', '.lock-installed'), { force: true });
  fail(complaint);
}

function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}

function fail(text) {
  process.stderr.write(`set-up: ${text}\n`);
  process.exit(1);
}

/** How the sandbox gets into the state in which each exchange about dynamic secrets was recorded. */
import { seconds } from '../../src/core/time.ts';
import type { Lab } from './sandbox-lab.ts';
import { asIs, asking, type Scenario } from './sandbox-scenarios-auth.ts';

/** A request about a lease of this secret, after something happened to it. */
const about =
  (secret = 'pg-main', before?: (lab: Lab, lease: string) => Promise<unknown> | unknown, identity?: string): Scenario =>
  async (lab) => {
    const lease = await lab.lease(secret, secret === 'pg-app' ? '/app' : '/');
    await before?.(lab, lease);
    return { lease, token: await lab.logIn(identity) };
  };

const later = (lab: Lab, by: number) => lab.sandbox.control.skew(seconds(by));
const targetIs = (lab: Lab, condition: 'up' | 'down' | 'hanging') => lab.sandbox.control.target(condition);
const revoked = (lab: Lab, lease: string) => lab.revoke(lease);
const unlicensed = (lab: Lab) => lab.sandbox.control.licence(false);

/** Ends by a job: somebody has to wait until the server has taken it out, or tried to. */
async function expired(lab: Lab, lease: string): Promise<void> {
  later(lab, 60);
  const gone = () => lab.sandbox.books().leases.some((book) => book.id === lease && book.endedAt !== undefined);
  while (!gone()) await new Promise(setImmediate);
}

async function autoRevokeFailed(lab: Lab, lease: string): Promise<void> {
  targetIs(lab, 'down');
  later(lab, 60);
  const path = `/api/v1/dynamic-secrets/leases/${lease}?projectSlug=leasekeeper-lab&environmentSlug=dev`;
  const jwt = await lab.logIn();
  const status = async () => ((await lab.get(path, jwt)).body as { lease: { status: string | null } }).lease.status;
  while ((await status()) === null) await new Promise(setImmediate);
  targetIs(lab, 'up');
}

const jobLost = (lab: Lab) => {
  lab.sandbox.control.loseJobs();
  later(lab, 125);
};

const accountGone = (lab: Lab, lease: string) => lab.sandbox.control.dropAccount(lease);

const whileTarget = (condition: 'down' | 'hanging', secret = 'pg-main'): Scenario =>
  about(secret, (lab) => targetIs(lab, condition));

export const dynamicSecrets: Readonly<Record<string, Scenario>> = {
  'ds-list': asking(),
  'ds-list-as-outsider': asking('outsider'),
  'ds-list-lease-only-identity': asking('lease-only'),
  'ds-list-missing-params': asking(),
  'ds-list-unknown-env': asking(),
};

export const creations: Readonly<Record<string, Scenario>> = {
  'lease-create-pg': asking(),
  'lease-create-redis': asking(),
  'lease-create-short': asking(),
  'lease-create-short-renewed': asking(),
  'lease-create-for-broken-revoke': asking(),
  'lease-create-before-target-down': asking(),
  'lease-create-before-target-down-b': asking(),
  'lease-create-then-revocation-job-lost': asking(),
  'lease-create-in-folder': asking(),
  'lease-create-uppercase-name': asking(),
  'lease-create-extra-fields-ignored': asking(),
  'lease-create-with-ttl': asking(),
  'lease-create-ttl-empty-string': asking(),
  'lease-create-ttl-bare-number-string': asking(),
  'lease-create-ttl-invalid': asking(),
  'lease-create-ttl-number': asking(),
  'lease-create-ttl-over-10y': asking(),
  'lease-create-ttl-over-max': asking(),
  'lease-create-missing-fields': asking(),
  'lease-create-unknown-ds': asking(),
  'lease-create-unknown-env': asking(),
  'lease-create-unknown-project': asking(),
  'lease-create-after-ds-delete': asking(),
  'lease-create-no-auth': asIs,
  'lease-create-forbidden-viewer': asking('viewer'),
  'lease-create-forbidden-outsider': asking('outsider'),
  'lease-create-lease-only-identity': asking('lease-only'),
  'lease-create-plan-restricted': about('pg-main', unlicensed),
  'lease-create-target-down': whileTarget('down'),
  'lease-create-target-hangs': whileTarget('hanging'),
};

export const reads: Readonly<Record<string, Scenario>> = {
  'lease-get': about(),
  'lease-get-unknown': asking(),
  'lease-get-not-uuid': asking(),
  'lease-get-missing-query': about(),
  'lease-get-revoked': about('pg-main', revoked),
  'lease-get-plan-restricted': about('pg-main', unlicensed),
  'lease-get-just-before-expiry': about('pg-short', (lab) => later(lab, 57)),
  'lease-get-expired': about('pg-short', expired),
  'lease-get-expired-but-job-lost': about('pg-short', jobLost),
  'lease-get-after-renew-into-the-past': about('pg-short', async (lab, lease) => {
    jobLost(lab);
    await lab.renewLease(lease);
    await expired(lab, lease);
  }),
  'lease-get-failed-deletion': about('pg-main', async (lab, lease) => {
    await accountGone(lab, lease);
    await lab.revoke(lease);
  }),
  'lease-get-after-revoke-target-down': about('pg-main', async (lab, lease) => {
    targetIs(lab, 'down');
    await lab.revoke(lease);
  }),
  'lease-get-auto-revoke-failed': about('pg-short', autoRevokeFailed),
  'lease-get-after-renew-of-failed-3s': about('pg-short', async (lab, lease) => {
    await autoRevokeFailed(lab, lease);
    await lab.renewLease(lease);
    later(lab, 3);
  }),
  'lease-get-after-3-concurrent-renews': about('pg-main', (lab, lease) =>
    Promise.all([lab.renewLease(lease, '10m'), lab.renewLease(lease, '10m'), lab.renewLease(lease, '10m')]),
  ),
  'lease-get-after-hang': about('pg-main', revoked),
  'lease-list': about(),
  'lease-list-plan-restricted': about('pg-main', unlicensed),
};

export const leaseRenewals: Readonly<Record<string, Scenario>> = {
  'lease-renew-default-ttl': about(),
  'lease-renew-with-ttl': about(),
  'lease-renew-redis': about('redis-main'),
  'lease-renew-short-1': about('pg-short'),
  'lease-renew-short-2': about('pg-short', (lab, lease) => lab.renewLease(lease)),
  'lease-renew-short-3-over-max': about('pg-short', async (lab, lease) => {
    await lab.renewLease(lease);
    await lab.renewLease(lease);
  }),
  'lease-renew-past-max-ttl': about('pg-main', (lab, lease) => lab.renewLease(lease)),
  'lease-renew-ttl-invalid': about(),
  'lease-renew-ttl-too-short': about(),
  'lease-renew-no-body': about(),
  'lease-renew-unknown': asking(),
  'lease-renew-not-uuid': asking(),
  'lease-renew-wrong-path': about('pg-app'),
  // The name says expired, but what was recorded is a token that is no JWT: sent as it was.
  'lease-renew-expired-token': async (lab) => ({ lease: await lab.lease() }),
  'lease-renew-forbidden-viewer': about('pg-main', undefined, 'viewer'),
  'lease-renew-plan-restricted': about('pg-main', unlicensed),
  'lease-renew-revoked': about('pg-main', revoked),
  'lease-renew-expired': about('pg-short', expired),
  'lease-renew-expired-but-job-lost': about('pg-short', jobLost),
  'lease-renew-after-auto-revoke-failed': about('pg-short', autoRevokeFailed),
  'lease-renew-role-gone': about('pg-main', accountGone),
  'lease-renew-failed-deletion': about('pg-main', async (lab, lease) => {
    await accountGone(lab, lease);
    await lab.revoke(lease);
  }),
  'lease-renew-right-after-ds-delete': about('pg-main', ({ sandbox }) =>
    sandbox.control.removeSecret('pg-main', 'start'),
  ),
  'lease-renew-after-ds-delete': about('pg-main', async ({ sandbox }) => {
    await sandbox.control.removeSecret('pg-main', 'start');
    await sandbox.control.removeSecret('pg-main', 'finish');
  }),
  'lease-renew-target-down': whileTarget('down'),
  'lease-renew-target-hangs': whileTarget('hanging'),
};

const failedRevoke = async (lab: Lab, lease: string) => {
  targetIs(lab, 'down');
  await lab.revoke(lease);
  targetIs(lab, 'up');
};

export const revocations: Readonly<Record<string, Scenario>> = {
  'lease-revoke': about(),
  'lease-revoke-redis': about('redis-main'),
  'lease-revoke-again': about('pg-main', revoked),
  'lease-revoke-no-body': about(),
  'lease-revoke-expired': about('pg-short', expired),
  'lease-revoke-plan-restricted': about('pg-main', unlicensed),
  'lease-revoke-fails-role-gone': about('pg-main', accountGone),
  'lease-revoke-target-down': whileTarget('down'),
  'lease-revoke-target-hangs': whileTarget('hanging'),
  'lease-revoke-retry-target-up': about('pg-main', failedRevoke),
  'lease-revoke-after-hang': about('pg-main', failedRevoke),
};

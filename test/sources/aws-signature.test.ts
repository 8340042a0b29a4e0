/** Signature Version 4: against what AWS has published, and against a checker that was written from the description alone. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AwsCredentials, signed } from '../../src/sources/infisical/logins/aws-signature.ts';
import { holderOf } from '../sandbox/machines/aws-check.ts';

const key = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const day = Date.UTC(2015, 7, 30, 12, 36);
const inUsEast = (service: string) => ({ region: 'us-east-1', service });
const Host = 'example.amazonaws.com';
/** The one that is in the published suite. */
const sessionToken = `AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==`;

interface Vector {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly token?: string;
  readonly names: string;
  readonly signature: string;
}

/** Facts of AWS's `aws-sig-v4-test-suite`, by their names there: those that ask for `/` without a query. */
const published: Readonly<Record<string, Vector>> = {
  'get-vanilla': {
    method: 'GET',
    names: 'host;x-amz-date',
    signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  },
  'post-vanilla': {
    names: 'host;x-amz-date',
    signature: '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
  },
  'post-header-key-sort': {
    headers: { 'My-Header1': 'value1' },
    names: 'host;my-header1;x-amz-date',
    signature: 'c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c',
  },
  'get-header-value-trim': {
    method: 'GET',
    headers: { 'My-Header1': ' value1', 'My-Header2': '"a   b   c"' },
    names: 'host;my-header1;my-header2;x-amz-date',
    signature: 'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
  },
  'post-x-www-form-urlencoded': {
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: 'Param1=value1',
    names: 'content-type;host;x-amz-date',
    signature: 'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
  },
  'post-sts-header-before': {
    token: sessionToken,
    names: 'host;x-amz-date;x-amz-security-token',
    signature: '85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead',
  },
};

const lowered = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** The request as it arrives. */
const arrived = (method: string, headers: Readonly<Record<string, string>>, body: string) => ({
  method,
  path: '/',
  query: new URLSearchParams(),
  headers: lowered(headers),
  body,
});

describe('the published examples', () => {
  it.each(Object.entries(published))(
    'are signed as published: %s',
    (_, { method = 'POST', headers, body = '', token, names, signature }) => {
      const credentials = { ...key, sessionToken: token };
      const all = signed({ method, headers: { Host, ...headers }, body }, credentials, inUsEast('service'), day);
      expect(all['Authorization']).toBe(
        `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
      );
      expect(all).toMatchObject({ Host, ...headers, 'X-Amz-Date': '20150830T123600Z' });
      expect(all['X-Amz-Security-Token']).toBe(token);
      const holder = { ...credentials, arn: 'arn' };
      expect(holderOf(arrived(method, all, body), [holder], 'service', day)).toBe(holder);
    },
  );
});

const word = fc.stringMatching(/^[A-Za-z0-9+/=]{4,60}$/);
const requests = fc.record({
  credentials: fc.record(
    { accessKeyId: fc.stringMatching(/^[A-Z0-9]{16,32}$/), secretAccessKey: word, sessionToken: word },
    { requiredKeys: ['accessKeyId', 'secretAccessKey'] },
  ),
  region: fc.constantFrom('us-east-1', 'eu-central-1', 'ap-southeast-2'),
  at: fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2099, 0, 1) }),
  body: fc.string({ unit: 'grapheme' }),
  more: fc.dictionary(fc.stringMatching(/^X-[A-Za-z]{1,8}$/), fc.stringMatching(/^[ -~]{0,20}$/), { maxKeys: 3 }),
});

describe('any request', () => {
  const sent = ({ credentials, region, at, body, more }: typeof requests extends fc.Arbitrary<infer T> ? T : never) => {
    // The same name twice is one header.
    const own = Object.entries(lowered(more));
    const headers = { Host: `sts.${region}.amazonaws.com`, ...Object.fromEntries(own) };
    const all = signed(
      { method: 'POST', headers, body },
      credentials as AwsCredentials,
      { region, service: 'sts' },
      at,
    );
    return { all, holder: { ...credentials, arn: 'arn' }, body, at };
  };

  it('is accepted from who has the key, as it was signed', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const { all, holder, body, at } = sent(request);
        expect(holderOf(arrived('POST', all, body), [holder], 'sts', at)).toBe(holder);
      }),
    );
  });

  it('is accepted from nobody else, and not with anything of it changed, nor a quarter of an hour later', () => {
    const changes = fc.constantFrom(
      'body',
      'method',
      'host',
      'secret',
      'token',
      'date',
      'signature',
      'late',
      'early',
      'service',
    );
    fc.assert(
      fc.property(requests, changes, (request, change) => {
        const { all, holder, body, at } = sent(request);
        const other = (text: string) => (text.startsWith('A') ? `B${text.slice(1)}` : `A${text.slice(1)}`);
        const authorization = all['Authorization'] ?? '';
        const changed: Readonly<Record<string, string>> = {
          ...all,
          ...(change === 'host' && { Host: 'sts.evil.test' }),
          ...(change === 'token' && { 'X-Amz-Security-Token': `${all['X-Amz-Security-Token'] ?? ''}A` }),
          ...(change === 'date' && { 'X-Amz-Date': new Date(at + 60_000).toISOString().replace(/[-:]|\.\d+/g, '') }),
          ...(change === 'signature' && {
            Authorization: authorization.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
          }),
        };
        const holders = [{ ...holder, ...(change === 'secret' && { secretAccessKey: other(holder.secretAccessKey) }) }];
        const late = change === 'late' ? 901_000 : change === 'early' ? -902_000 : 0;
        const came = arrived(change === 'method' ? 'GET' : 'POST', changed, change === 'body' ? `${body}x` : body);
        expect(holderOf(came, holders, change === 'service' ? 'iam' : 'sts', at + late)).toBeTypeOf('string');
      }),
    );
  });
});

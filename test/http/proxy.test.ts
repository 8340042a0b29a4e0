/** The variables that name a proxy, as every program understands them. */
import { describe, expect, it } from 'vitest';
import { proxyFor } from '../../src/http/proxy.ts';

const through = (url: string, env: Record<string, string>) => proxyFor(new URL(url), env);
const proxy = 'http://proxy.test:3128';

describe('the proxy', () => {
  it.each([
    ['https goes through HTTPS_PROXY', 'https://a.test', { HTTPS_PROXY: proxy }, proxy],
    ['https does not go through HTTP_PROXY', 'https://a.test', { HTTP_PROXY: proxy }, undefined],
    ['lower case is read before upper', 'https://a.test', { https_proxy: proxy, HTTPS_PROXY: 'http://b' }, proxy],
    ['a scheme may be left out', 'https://a.test', { HTTPS_PROXY: 'proxy.test:3128' }, proxy],
    ['an empty variable names none', 'https://a.test', { HTTPS_PROXY: ' ' }, undefined],
    ['loopback goes through none', 'http://127.0.0.1:8080', { HTTP_PROXY: proxy }, undefined],
    ['loopback by name goes through none', 'https://localhost', { HTTPS_PROXY: proxy }, undefined],
    ['loopback of IPv6 goes through none', 'https://[::1]:4', { HTTPS_PROXY: proxy }, undefined],
    ['an excepted name', 'https://a.test', { HTTPS_PROXY: proxy, NO_PROXY: 'b.test, a.test' }, undefined],
    ['names below an excepted one', 'https://x.a.test', { HTTPS_PROXY: proxy, NO_PROXY: 'a.test' }, undefined],
    ['with a dot before it', 'https://x.a.test', { HTTPS_PROXY: proxy, NO_PROXY: '.a.test' }, undefined],
    ['with a star before it', 'https://x.a.test', { HTTPS_PROXY: proxy, NO_PROXY: '*.a.test' }, undefined],
    ['a name that only ends alike is another', 'https://xa.test', { HTTPS_PROXY: proxy, NO_PROXY: 'a.test' }, proxy],
    ['everything is excepted by a star', 'https://a.test', { HTTPS_PROXY: proxy, NO_PROXY: '*' }, undefined],
    ['an excepted port', 'https://a.test:8443', { HTTPS_PROXY: proxy, NO_PROXY: 'a.test:8443' }, undefined],
    ['another port is not excepted', 'https://a.test', { HTTPS_PROXY: proxy, NO_PROXY: 'a.test:8443' }, proxy],
    ['the port of the scheme counts', 'https://a.test', { HTTPS_PROXY: proxy, NO_PROXY: 'a.test:443' }, undefined],
    ['the end of an address is no name', 'https://10.1.2.3', { HTTPS_PROXY: proxy, NO_PROXY: '2.3' }, proxy],
    ['an excepted network', 'https://10.1.2.3', { HTTPS_PROXY: proxy, NO_PROXY: '10.0.0.0/8' }, undefined],
    ['another network', 'https://11.1.2.3', { HTTPS_PROXY: proxy, NO_PROXY: '10.0.0.0/8' }, proxy],
    ['a network that is none', 'https://10.1.2.3', { HTTPS_PROXY: proxy, NO_PROXY: '10.0.0.0/99' }, proxy],
    ['an excepted address of IPv6', 'https://[fd00::1]', { HTTPS_PROXY: proxy, NO_PROXY: 'fd00::1' }, undefined],
    [
      'the same in brackets with a port',
      'https://[fd00::1]:8',
      { HTTPS_PROXY: proxy, NO_PROXY: '[fd00::1]:8' },
      undefined,
    ],
    ['a network of IPv6', 'https://[fd00::1]', { HTTPS_PROXY: proxy, NO_PROXY: 'fd00::/8' }, undefined],
  ])('%s', (_, url, env, expected) => {
    expect(through(url, env as Record<string, string>)).toBe(expected);
  });

  it('is refused where the variable is no URL, without repeating it', () => {
    expect(() => through('https://a.test', { HTTPS_PROXY: 'http://user:hunter2@:::' })).toThrow(
      /^(?!.*hunter2).*HTTPS_PROXY/,
    );
  });
});

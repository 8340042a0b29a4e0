/** What is wrong with each file in `wrong/`: all of it, in the order in which it has to be told. */

/** `line:column`, the path, and words of the message and of the remedy. */
export type Expected = readonly [place: string, path: string, message: string, remedy: string];

/** The environment in which they are read: its one value must never be told. */
export const planted = 'very-secret-value';
export const env = { CLIENT_SECRET: planted };

export const wrong: Readonly<Record<string, readonly Expected[]>> = {
  'alias-bomb': [['2:31', '', 'too large', 'write it out']],
  'alias-of-itself': [['12:20', 'log.level', 'this alias stands inside what it refers to', 'write it out']],
  'alias-without-anchor': [['9:103', 'secrets.db.source.name', 'there is no such anchor above', 'an anchor is &name']],
  'credential-env-missing': [
    ['6:67', 'providers.main.auth.clientSecret.env', 'NOT_SET that should hold', 'set it where'],
  ],
  'credential-file-is-directory': [
    ['6:68', 'providers.main.auth.clientSecret.file', 'the credential file / is a directory', 'put the credential'],
  ],
  'credential-file-missing': [
    ['6:68', 'providers.main.auth.clientSecret.file', 'client-secret does not exist', 'put the credential'],
  ],
  'credential-filled-in-unset': [
    [
      '6:60',
      'providers.main.auth.clientSecret',
      'a credential does not belong in this file',
      '{ file: /path } or { env: NAME }',
    ],
  ],
  'credential-filled-in': [
    [
      '6:60',
      'providers.main.auth.clientSecret',
      'a credential does not belong in this file',
      '{ file: /path } or { env: NAME }',
    ],
  ],
  'credential-misspelt': [
    ['6:46', 'providers.main.auth.clientSecret.file', 'missing', 'A file that holds it'],
    ['6:62', 'providers.main.auth.clientSecret.flie', 'unknown key', 'did you mean file?'],
  ],
  'credential-twice': [
    [
      '6:60',
      'providers.main.auth.clientSecret',
      'not a reference to a credential',
      'write either { file: /path } or { env: NAME }',
    ],
  ],
  'credential-written': [
    [
      '6:60',
      'providers.main.auth.clientSecret',
      'a credential does not belong in this file',
      '{ file: /path } or { env: NAME }',
    ],
  ],
  'cron-never': [['7:40', 'policies.default.rotate.cron', 'this cron never fires', 'a day that some month has']],
  'cron-of-six': [['7:40', 'policies.default.rotate.cron', 'not a cron expression', 'write five fields']],
  'cron-wrong': [['7:40', 'policies.default.rotate.cron', 'not a cron expression', 'hour 0-23']],
  'data-dir-relative': [
    ['11:19', 'state.dataDir', 'a relative path', 'write it from the root, such as /run/secrets/app'],
  ],
  'defaults-unknown': [['7:21', 'defaults.sink.ownr', 'no sink knows this key', 'did you mean owner?']],
  'defaults-wrong': [['7:28', 'defaults.sink.owner', 'not an owner', '"1000:1000"']],
  'duplicate-key': [['11:1', 'version', 'already given in line 1', 'remove one']],
  empty: [['1:1', '', 'the file is empty', 'begin it with version: 1, and name providers and secrets']],
  'exec-variables': [
    ['11:9', 'secrets.db.sinks[0].keys', 'missing', 'name each: keys: { PGUSER: DB_USERNAME }'],
    ['12:70', 'secrets.db.sinks[1].keys.PATH', 'has a variable of that name already', 'choose another'],
    ['12:93', 'secrets.db.sinks[1].keys.LEASEKEEPER_SECRET', 'has a variable of that name already', 'choose another'],
    ['12:100', 'secrets.db.sinks[1].keys.1A', 'a variable has letters, digits and _', 'give it such a name'],
    ['12:116', 'secrets.db.sinks[1].keys.MINE', 'has a variable of that name already', 'choose another'],
    ['12:133', 'secrets.db.sinks[1].env[1]', 'a name that we give a value of our own', 'leave it out'],
    ['13:29', 'secrets.db.sinks[2].exec', 'as a list', 'no shell reads it'],
    ['13:49', 'secrets.db.sinks[2].values', 'unknown word here', 'one of env, stdin'],
  ],
  'format-of-later': [
    ['10:52', 'secrets.db.sinks[0].format', 'not supported by this version yet', 'one of dotenv'],
    ['10:62', 'secrets.db.sinks[0].templateFile', 'not supported by this version yet', 'remove it'],
  ],
  'grace-negative': [['7:31', 'policies.default.grace', 'a length of time cannot be negative', 'write one such as 5m']],
  'jitter-above-renewal': [['7:46', 'policies.default.jitter', 'jitter has to be less than renewAt', 'less than 20%']],
  'length-without-unit': [['7:31', 'policies.default.grace', 'not a length of time', 'with its unit']],
  listen: [['11:17', 'http.listen', 'not an address to listen on', 'write host:port']],
  'lockbox-generate-by': [['10:84', 'secrets.db.source.generate.by', 'unknown word here', 'did you mean lockbox?']],
  'lockbox-generate-key-there': [['10:93', 'secrets.db.source.generate.key', 'unknown key', 'by']],
  'lockbox-generate-nothing-left': [
    ['10:125', 'secrets.db.source.generate.exclude', 'nothing is left of one of the classes', 'exclude less'],
  ],
  'lockbox-pending-followed': [
    ['10:83', 'secrets.db.source.pendingPeriod', 'we destroy no version that others have added', 'remove it'],
  ],
  'lockbox-pinned-generated': [
    ['10:77', 'secrets.db.source.version', 'a pinned version and generated ones', 'remove one'],
  ],
  'lockbox-policy-followed': [
    ['12:13', 'secrets.db.policy', 'yandex/lockbox cannot make a new value', 'choose a policy without rotate'],
  ],
  'lockbox-poll-fast': [['10:74', 'secrets.db.source.poll', 'too often', '1s or more']],
  'lockbox-rotate-followed': [
    [
      '10:88',
      'secrets.db.source.onDestroyScheduled',
      'there is nothing to rotate',
      'write alert or cancel, or generate',
    ],
  ],
  'lockbox-version-name': [['10:77', 'secrets.db.source.version', 'not the id of a version', 'from the console']],
  'lockbox-watch-text': [['10:83', 'secrets.db.source.watchVersions', 'expected true or false', 'without quotes']],
  'many-mistakes': [
    ['2:15', 'log.level', 'unknown word here', 'one of debug, error, info, warn'],
    ['6:10', 'providers.main.url', 'plain http', 'https://'],
    ['7:42', 'providers.main.auth.clientId', 'NOT_SET is not set', 'NOT_SET:-default'],
    [
      '7:70',
      'providers.main.auth.clientSecret',
      'a credential does not belong in this file',
      '{ file: /path } or { env: NAME }',
    ],
    ['9:20', 'policies.fast.renewAt', 'a share cannot be more than 100%', 'write a percentage such as 67%'],
    ['9:34', 'policies.fast.jitter', 'not a share', 'write a percentage such as 67%'],
    ['9:45', 'policies.fast.grace', 'a length of time cannot be negative', 'write one such as 5m'],
    ['11:3', 'secrets.db/orders', 'not a name', 'at most 63'],
    ['12:57', 'secrets.db/orders.source.provider', 'there is no provider mian', 'did you mean main?'],
    ['12:112', 'secrets.db/orders.source.ttl', 'not a length of time', 'with its unit'],
    ['13:13', 'secrets.db/orders.policy', 'there is no policy fats', 'did you mean fast?'],
    ['15:29', 'secrets.db/orders.sinks[0].path', 'absolute path', 'its directory must exist'],
    ['15:59', 'secrets.db/orders.sinks[0].mode', 'decimal number to YAML', 'mode: "0640"'],
    ['16:3', 'secrets.other.sinks', 'missing', 'write a list of places where it goes to'],
    [
      '17:21',
      'secrets.other.source.type',
      'there is no such type infisical/dynamic-secrt',
      'did you mean infisical/dynamic-secret?',
    ],
  ],
  'merge-wrong': [['7:26', 'secrets.db.source.project', 'expected text, found a number', 'put it in quotes']],
  'method-of-later': [['6:21', 'providers.main.auth.method', 'not supported by this version yet', 'universal']],
  'mode-unquoted': [['10:66', 'secrets.db.sinks[0].mode', 'decimal number to YAML', 'mode: "0640"']],
  'not-a-mapping': [['1:1', '', 'the file does not consist of keys', 'begin it with version: 1']],
  'nothing-written': [['5:9', 'providers.main.url', 'nothing is written here', 'https://']],
  'number-for-text': [['9:72', 'secrets.db.source.project', 'expected text, found a number', 'put it in quotes']],
  'one-name': [
    [
      '10:84',
      'secrets.db.sinks[1].name',
      'another sink of this secret has this name, in line 10',
      'give each a name of its own',
    ],
  ],
  'one-place': [
    [
      '13:33',
      'secrets.other.sinks[0].path',
      'another sink writes to the same place, in line 10',
      'give each a place of its own',
    ],
  ],
  'only-remarks': [['1:1', '', 'the file is empty', 'begin it with version: 1, and name providers and secrets']],
  'owner-by-name': [['10:67', 'secrets.db.sinks[0].owner', 'not an owner', '"1000:1000"']],
  'parts-of-later': [
    ['8:1', 'outputs', 'not supported by this version yet', 'remove it'],
    ['14:5', 'secrets.db.verify', 'not supported by this version yet', 'remove it'],
    ['15:16', 'secrets.db.onExpired', 'not supported by this version yet', 'write keep'],
    ['16:15', 'secrets.db.onRemove', 'not supported by this version yet', 'write keep'],
  ],
  'plain-http': [['5:10', 'providers.main.url', 'plain http', 'https://']],
  port: [['11:17', 'http.listen', 'no such port', '65535 is the highest']],
  prefix: [['11:18', 'state.prefix', 'not a prefix', 'at most 64']],
  'providers-missing': [['1:1', 'providers', 'missing', 'name at least one provider, such as infisical-main']],
  'redis-as-text': [['11:17', 'state.redis', 'not a Redis', 'write embedded, or { url: "redis://host:6379/0" }']],
  'redis-password': [['11:24', 'state.redis.url', 'a URL with a credential in it', 'password: { file: /path }']],
  'redis-scheme': [
    [
      '11:24',
      'state.redis.url',
      'a Redis is not reached by this kind of URL',
      'write redis://host:6379/0, or rediss:// for TLS',
    ],
  ],
  'redis-sink': [
    ['11:38', 'secrets.db.sinks[0].url', 'would show every value to the network', 'write rediss:// instead'],
    ['12:38', 'secrets.db.sinks[1].url', 'a URL with a credential in it', 'password: { file: /path }'],
    ['13:73', 'secrets.db.sinks[2].tls', 'tls on a url without it', 'write rediss:// instead'],
    ['13:100', 'secrets.db.sinks[2].username', 'a user without a password', 'password: { file: /path }'],
    ['13:112', 'secrets.db.sinks[2].format', 'format belongs to as', 'string'],
    ['13:123', 'secrets.db.sinks[2].ttl', 'so long a key is not kept alive', '3h or more'],
    ['14:38', 'secrets.db.sinks[3].url', 'a database of Redis is a number', 'end the url with /0'],
    ['14:69', 'secrets.db.sinks[3].key', 'a text of one line', 'Where the values go'],
    ['14:81', 'secrets.db.sinks[3].as', 'unknown word here', 'one of hash, string'],
    ['14:96', 'secrets.db.sinks[3].password', 'a credential does not belong', '{ file: /path }'],
  ],
  'redis-tls': [
    ['11:59', 'state.redis.tls', 'tls on a url without it', 'write rediss:// instead'],
    ['11:59', 'state.redis.tls', 'a certificate and its key belong together', 'write both cert and key'],
  ],
  'reference-unclosed': [['6:42', 'providers.main.auth.clientId', 'starts no reference', 'NAME:-default']],
  'reference-without-quotes': [['6:43', '', 'inside { } and [ ] a "{" begins a mapping', 'put it in quotes']],
  'reload-neither': [
    ['11:14', 'secrets.db.reload[0].pidFile', 'missing', 'pidFile: /run/x.pid'],
    ['11:42', 'secrets.db.reload[1].exec', 'as a list', 'no shell reads it'],
  ],
  'renewed-twice': [['7:51', 'policies.default.renewBefore', 'two answers to one question', 'remove one of the two']],
  'rotated-never': [
    ['7:32', 'policies.default.rotate', 'nothing says when to rotate', 'write every: 24h, or cron: "0 3 * * *"'],
    ['7:44', 'policies.default.rotate.timezone', 'a time zone without a cron has no meaning', 'remove it'],
  ],
  'rotated-too-often': [['7:41', 'policies.default.rotate.every', 'too often', 'every 10s or more']],
  'rotated-twice': [['7:51', 'policies.default.rotate.cron', 'two answers to one question', 'remove one of the two']],
  'secret-name': [['8:3', 'secrets.orders/db', 'not a name', 'at most 63']],
  'secret-with-no-sink': [
    ['10:12', 'secrets.db.sinks', 'a secret without a sink', 'name at least one place where it goes to'],
  ],
  'secret-without-sinks': [['8:3', 'secrets.db.sinks', 'missing', 'write a list of places where it goes to']],
  'secret-without-source': [['8:3', 'secrets.db.source', 'missing', 'say where it comes from, by type and provider']],
  'secrets-empty': [['7:10', 'secrets', 'there is no secret to keep', 'name at least one']],
  'secrets-missing': [['1:1', 'secrets', 'missing', 'name at least one secret to keep']],
  'share-above-all': [
    ['7:33', 'policies.default.renewAt', 'a share cannot be more than 100%', 'write a percentage such as 67%'],
  ],
  'sink-of-later': [['10:21', 'secrets.db.sinks[0].type', 'not supported by this version yet', 'file']],
  'source-of-later': [
    ['9:21', 'secrets.db.source.type', 'not supported by this version yet', 'infisical/dynamic-secret'],
  ],
  tab: [['3:1', '', 'a tab is used as indentation', 'YAML is indented with spaces']],
  tag: [['6:42', '', 'tags have no meaning here', 'remove the word']],
  'text-for-mapping': [
    ['8:7', 'secrets.db', 'expected a mapping with keys, found text', 'write its keys below it, or in { }'],
  ],
  timezone: [['7:63', 'policies.default.rotate.timezone', 'no such time zone', 'did you mean Europe/Berlin?']],
  'ttl-too-short': [['9:112', 'secrets.db.source.ttl', 'shorter than 60s', 'Length of a term']],
  'two-documents': [['11:1', '', 'the file holds more than one document', 'remove the line "---" and what follows']],
  'unclosed-bracket': [['10:12', '', 'what is opened here is not closed', 'close the quote or the bracket']],
  'unclosed-quote': [['5:10', '', 'what is opened here is not closed', 'close the quote or the bracket']],
  'unknown-format': [['10:52', 'secrets.db.sinks[0].format', 'unknown word here', 'did you mean json?']],
  'unknown-key-deep': [
    ['6:5', 'providers.main.auth.clientId', 'missing', 'Client id'],
    ['6:32', 'providers.main.auth.clientID', 'unknown key', 'did you mean clientId?'],
  ],
  'unknown-key-in-sink': [
    ['10:13', 'secrets.db.sinks[0].format', 'missing', 'one of dotenv'],
    ['10:44', 'secrets.db.sinks[0].fromat', 'unknown key', 'did you mean format?'],
  ],
  'unknown-key': [['7:1', 'secert', 'unknown key', 'did you mean secrets?']],
  'unknown-method': [['6:21', 'providers.main.auth.method', 'unknown word here', 'did you mean universal?']],
  'unknown-policy': [['11:13', 'secrets.db.policy', 'there is no policy nigthly', 'did you mean nightly?']],
  'unknown-provider': [['9:57', 'secrets.db.source.provider', 'there is no provider mian', 'did you mean main?']],
  'unknown-sink': [['10:21', 'secrets.db.sinks[0].type', 'no such type fiel', 'did you mean file?']],
  'unknown-source': [
    [
      '9:21',
      'secrets.db.source.type',
      'there is no such type infisical/dynamic-secert',
      'did you mean infisical/dynamic-secret?',
    ],
  ],
  'unknown-unit': [['9:112', 'secrets.db.source.ttl', 'not a length of time', 'with its unit']],
  'unquoted-colon': [
    ['5:10', '', 'a key and its value are nested on one line', 'put a value that contains ": " in quotes'],
  ],
  'unset-variable': [['6:42', 'providers.main.auth.clientId', 'NOT_SET is not set', 'NOT_SET:-default']],
  'url-with-password': [['5:10', 'providers.main.url', 'credential does not belong', 'Address of the provider']],
  'version-missing': [['1:1', 'version', 'missing', 'begin the file with version: 1']],
  'version-unknown': [['1:10', 'version', 'unknown version', 'this program reads version: 1']],
  'yandex-endpoint-plain': [['6:27', 'providers.yc.endpoints.payload', 'plain http', 'https://']],
  'yandex-endpoint-unknown': [['6:18', 'providers.yc.endpoints.lockbx', 'unknown key', 'did you mean lockbox?']],
  'yandex-key-relative': [['5:51', 'providers.yc.auth.keyFile', 'a relative path', 'write it from the root']],
  'yandex-method': [['5:21', 'providers.yc.auth.method', 'unknown word here', 'did you mean service-account-key?']],
  'yandex-token-written': [
    [
      '5:35',
      'providers.yc.auth.token',
      'a credential does not belong in this file',
      '{ file: /path } or { env: NAME }',
    ],
  ],
  'webhook-alike': [['12:9', 'secrets.db.sinks[1]', 'has this name, in line 11', 'give each a name of its own']],
  'webhook-credential': [
    ['11:40', 'secrets.db.sinks[0].url', 'a credential does not belong', 'url: { file: /path } or { env: NAME }'],
    ['11:97', 'secrets.db.sinks[0].signingKey', 'a credential does not belong', '{ file: /path }'],
    ['12:40', 'secrets.db.sinks[1].url', 'a query is often a credential', 'url: { file: /path } or { env: NAME }'],
    ['13:40', 'secrets.db.sinks[2].url', 'not an address', 'write it with its scheme'],
    ['14:35', 'secrets.db.sinks[3].url.file', 'missing', 'A file that holds it'],
    ['14:42', 'secrets.db.sinks[3].url.fiel', 'unknown key', 'did you mean file?'],
  ],
  'webhook-headers': [
    ['14:35', 'secrets.db.sinks[0].headers.authorization', 'a credential does not belong', '{ file: /path }'],
    ['14:75', 'secrets.db.sinks[0].headers.content-type', 'a header that we set ourselves', 'remove it'],
    ['14:94', 'secrets.db.sinks[0].headers.a b', 'not the name of a header', 'letters, digits'],
    ['14:108', 'secrets.db.sinks[0].headers.x-api-key', 'a credential does not belong', '{ file: /path }'],
    ['15:18', 'secrets.db.sinks[0].timeout', 'between 1s and 30s', 'How long to wait'],
  ],
  'webhook-plain': [['10:35', 'secrets.db.sinks[0].url', 'plain http://', 'use https://']],
};

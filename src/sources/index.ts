/** Every provider and source we ship, one line each. */
import { infisical, infisicalAccessToken, infisicalDynamicSecret, infisicalSecrets } from './infisical/provider.ts';
import { yandex, yandexIamToken, yandexLockbox } from './yandex/provider.ts';

export const providers = [infisical, yandex] as const;
export const sources = [
  infisicalAccessToken,
  infisicalDynamicSecret,
  infisicalSecrets,
  yandexIamToken,
  yandexLockbox,
] as const;

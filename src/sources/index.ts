/** Every provider and source we ship, one line each. */
import { infisical, infisicalAccessToken, infisicalDynamicSecret } from './infisical/provider.ts';

export const providers = [infisical] as const;
export const sources = [infisicalAccessToken, infisicalDynamicSecret] as const;

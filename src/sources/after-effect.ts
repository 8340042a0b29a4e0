/** What follows upon an effect at a provider, and may fail although that is there. */
import { LeaseError, ProviderBlocked } from '../core/failure.ts';

/**
 * What comes after an effect: whatever goes wrong with it, the effect is there. That the provider could not be asked is
 * no reason to take it for undone.
 */
export async function afterEffect<T>(rest: () => Promise<T>): Promise<T> {
  try {
    return await rest();
  } catch (error) {
    if (error instanceof ProviderBlocked) {
      throw new LeaseError('unavailable', `it was done, but not seen: ${error.because}`, {
        unsure: true,
        cause: error,
      });
    }
    if (!(error instanceof LeaseError)) throw error;
    const { code, message, notBefore, passing } = error;
    throw new LeaseError(code, message, { unsure: true, passing, ...(notBefore !== undefined && { notBefore }) });
  }
}

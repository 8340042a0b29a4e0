/** Every provider and source we ship, one line each. */
export const providers = [] as const;
export const sources = [] as const;

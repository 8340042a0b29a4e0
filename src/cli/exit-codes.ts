/** What the process ends with. */
export const exitCodes = { done: 0, failed: 1, wrongUsage: 2, invalidConfiguration: 3 } as const;

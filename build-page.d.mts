import type { Assets } from './src/observability/page/assets.ts';

export function pageAssets(): Promise<Assets>;

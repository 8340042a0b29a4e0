/** Bundles the program into one file that runs without node_modules. */
import { chmod, mkdir, rename, rmdir } from 'node:fs/promises';
import { build } from 'esbuild';
import { pageAssets } from './build-page.mjs';

const { markup, style, script, icon } = await pageAssets();
await mkdir('dist', { recursive: true });
await build({
  entryPoints: ['src/main.ts'],
  // Renamed below: whoever starts it in this moment gets the old one or the new one, whole.
  outfile: `dist/.new-${process.pid}/leasekeeper.js`,
  bundle: true,
  platform: 'node',
  target: 'node20.18',
  format: 'esm',
  mainFields: ['module', 'main'],
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'none',
  // Some dependencies are CommonJS and call `require` for Node's own modules.
  banner: {
    js: "#!/usr/bin/env node\nimport { createRequire as __cr } from 'node:module';\nconst require = __cr(import.meta.url);",
  },
  // BullMQ's other back ends: optional, loaded only where somebody asks for them.
  external: ['pg', 'redis', 'bullmq-otel', '@valkey/valkey-glide'],
  // The status page's files travel in the program.
  define: {
    PAGE_MARKUP: JSON.stringify(markup),
    PAGE_STYLE: JSON.stringify(style),
    PAGE_SCRIPT: JSON.stringify(script),
    PAGE_ICON: JSON.stringify(icon),
  },
  logLevel: 'warning',
});
const made = `dist/.new-${process.pid}`;
await chmod(`${made}/leasekeeper.js`, 0o755);
for (const file of ['leasekeeper.js.map', 'leasekeeper.js']) await rename(`${made}/${file}`, `dist/${file}`);
await rmdir(made);

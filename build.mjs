/** Bundles the program into one file that runs without node_modules. */
import { chmod } from 'node:fs/promises';
import { build } from 'esbuild';

await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/leasekeeper.js',
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
  logLevel: 'warning',
});
await chmod('dist/leasekeeper.js', 0o755);

/** The status page's files as they travel in the bundle. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = fileURLToPath(new URL('src/observability/page/browser/', import.meta.url));
const text = (file) => readFile(folder + file, 'utf8');

async function minified(file) {
  const { outputFiles } = await build({
    entryPoints: [folder + file],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: ['chrome109', 'firefox115', 'safari16'],
    logLevel: 'warning',
  });
  return outputFiles[0].text;
}

export const pageAssets = async () => ({
  markup: await text('page.html'),
  style: await minified('page.css'),
  script: await minified('main.ts'),
  icon: await text('icon.svg'),
});

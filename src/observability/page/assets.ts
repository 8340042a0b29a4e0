/** The files of the status page. They are bundled into the program by `build.mjs`, under these names. */
declare const PAGE_MARKUP: string;
declare const PAGE_STYLE: string;
declare const PAGE_SCRIPT: string;
declare const PAGE_ICON: string;

export interface Assets {
  readonly markup: string;
  readonly style: string;
  readonly script: string;
  readonly icon: string;
}

/** Absent where the program runs unbundled, as parts of it do in tests: then only the status itself is served. */
export const assets: Assets | undefined =
  typeof PAGE_MARKUP === 'undefined'
    ? undefined
    : { markup: PAGE_MARKUP, style: PAGE_STYLE, script: PAGE_SCRIPT, icon: PAGE_ICON };

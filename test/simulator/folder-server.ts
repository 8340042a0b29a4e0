/** A folder of static secrets of a simulated Infisical as seen over the wire: answers requests as the contract has it (7). */
import type { Instant } from '../../src/core/time.ts';
import { type FolderNature, firstNames, pair } from './folder-nature.ts';
import type { House } from './house.ts';
import type { Dice, Timeline } from './timeline.ts';

export interface Row {
  readonly value: string;
  readonly version: number;
  readonly since: Instant;
  /** Who gave it that value: the key of an acquire of ours, or that it was put back by us. Absent: others. */
  readonly by?: string;
  readonly isHidden?: boolean;
}

export interface FolderAsked {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The key of the acquire that asks. */
  readonly intent?: string | undefined;
  /** When it was sent. Absent: now. */
  readonly sentAt?: Instant;
}

export interface FolderTold {
  readonly status: number;
  readonly json?: unknown;
  readonly etag?: string;
}

/** A change that somebody has to say yes to first. */
export interface Pending {
  readonly key: string;
  readonly value: string;
  readonly by: string;
}

/** In the place of the key of an acquire. */
export const backAgain = 'put back';

export const refused = (status: number, error: string): FolderTold => ({
  status,
  json: { reqId: 'req-simulated00000', statusCode: status, message: 'no', error },
});

/** It takes whitespace away from both ends, and leaves one line break. */
const trimmed = (text: string): string => text.trim() + (/\n\s*$/.test(text) ? '\n' : '');

export class FolderServer {
  readonly path: string;
  readonly how: FolderNature;
  readonly rows = new Map<string, Row>();
  /** What the folder imports: its own rows win over these. */
  readonly imports = new Map<string, Row>();
  /** The role does not allow it: not any of it. */
  isForbidden = false;
  isEmptied = false;
  pending: readonly Pending[] = [];
  /** Share of new values that never work where they are tried out. */
  unfit = 0;
  /** How often we have listed it. */
  lists = 0;
  /** Something is another than before, if only for those who may see it. */
  readonly onEdit: (() => void)[] = [];
  /** We are about to change one. */
  onPatch: (key: string, value: string, by: string, sentAt: Instant) => void = () => undefined;
  /** What we asked for waits for somebody's yes. */
  onApproval: (pending: Pending) => void = () => undefined;
  /** Until when somebody's yes was wanted for a change, or waited for. */
  approvedSince: Instant = 0;
  #wantsApproval = false;
  readonly #unfit = new Set<string>();
  #edits = 0;
  #values = 0;
  #shift = 0;
  readonly #house: Pick<House, 'skew'>;
  readonly #timeline: Timeline;
  readonly #dice: Dice;

  constructor(how: FolderNature, house: Pick<House, 'skew'>, timeline: Timeline, dice: Dice) {
    this.path = how.path;
    this.how = how;
    this.#house = house;
    this.#timeline = timeline;
    this.#dice = dice;
    this.wantsApproval = how.server.isGuarded;
    for (const key of firstNames) this.rows.set(key, this.#row(undefined, this.newValue()));
    this.imports.set('SHARED', this.#row(undefined, this.newValue()));
    this.imports.set('API', this.#row(undefined, this.newValue()));
  }

  get wantsApproval(): boolean {
    return this.#wantsApproval;
  }

  set wantsApproval(isWanted: boolean) {
    this.#wantsApproval = isWanted;
    this.approvedSince = this.#timeline.now();
  }

  isFit = (value: string): boolean => !this.#unfit.has(value);

  newValue = (): string => `VALUE:${++this.#values}`;

  edit(change: () => void): void {
    change();
    this.#edits++;
    for (const tell of this.onEdit) tell();
  }

  /** As others write it, or we. Of several none is there before all are. */
  set(values: Readonly<Record<string, string>>, by?: string): void {
    this.edit(() => {
      for (const [key, text] of Object.entries(values)) {
        const value = trimmed(text);
        const isKnown = [...this.rows.values()].some((row) => row.value === value);
        if (by !== backAgain && !isKnown && this.#dice.chance(this.unfit)) this.#unfit.add(value);
        this.rows.set(key, this.#row(this.rows.get(key), value, by));
      }
    });
  }

  /** Others look at it and save it as it was; or the database has it in another order. */
  stir(): void {
    this.edit(() => {
      this.#shift++;
      for (const [key, row] of this.rows) this.rows.set(key, { ...row, version: row.version + 1 });
    });
  }

  hide(key: string, isHidden: boolean): void {
    const row = this.rows.get(key);
    if (row) this.edit(() => this.rows.set(key, { ...row, isHidden }));
  }

  /** Somebody has said yes, or no. */
  decide(pending: Pending, isYes: boolean): void {
    if (!this.pending.includes(pending)) return;
    this.pending = this.pending.filter((other) => other !== pending);
    this.approvedSince = this.#timeline.now();
    if (isYes && this.rows.has(pending.key)) this.set({ [pending.key]: pending.value }, pending.by);
  }

  /** People put in order what they have broken. */
  calm(): void {
    this.unfit = 0;
    this.wantsApproval = false;
    for (const pending of this.pending) this.decide(pending, this.#dice.chance(0.5));
    this.edit(() => {
      this.isForbidden = false;
      this.isEmptied = false;
      for (const key of firstNames) {
        const row = this.rows.get(key) ?? this.#row(undefined, this.newValue());
        this.rows.set(key, { ...row, isHidden: false });
      }
    });
    // What others have made does not stay unfit.
    for (const [key, { value, by }] of this.rows) {
      if (by === undefined && !this.isFit(value)) this.set({ [key]: this.newValue() });
    }
  }

  answer(asked: FolderAsked): FolderTold {
    const { method, path, headers = {} } = asked;
    const [, old, now, key, query = ''] =
      /^\/api\/(?:(v3\/secrets\/raw)|(v4\/secrets))(?:\/([^?]+))?(?:\?(.*))?$/.exec(path) ?? [];
    const isNew = now !== undefined;
    if ((old === undefined && !isNew) || (isNew && !this.how.server.hasNewInterface)) {
      return {
        status: 404,
        json: { message: `Route ${method}:${path} not found`, error: 'Not Found', statusCode: 404 },
      };
    }
    if (method === 'GET' && key === undefined)
      return this.#list(new URLSearchParams(query), isNew, headers['if-none-match']);
    if (method === 'PATCH' && key !== undefined) return this.#patch(decodeURIComponent(key), isNew, asked);
    return refused(404, 'NotFound');
  }

  #list(params: URLSearchParams, isNew: boolean, known: string | undefined): FolderTold {
    const named = isNew ? ['projectId'] : ['workspaceId', 'workspaceSlug'];
    if (!named.some((name) => params.get(name))) return refused(isNew ? 422 : 400, 'BadRequest');
    this.lists++;
    if (this.isForbidden) return refused(403, 'PermissionDenied');
    const hasImports = params.get('include_imports') === 'true';
    const etag = `"${this.#edits}${hasImports ? '' : '-own'}"`;
    const shown = this.how.server.isProxied ? `W/${etag}` : etag;
    if (known === etag) return { status: 304, etag: shown };
    if (this.isEmptied) return { status: 200, json: { secrets: [], imports: [] }, etag: shown };
    const rows = [...this.rows].map(([key, row]) => this.#show(key, row));
    const shift = this.#shift % Math.max(1, rows.length);
    const imported = [...this.imports].map(([secretKey, { value }]) => ({
      secretKey,
      secretValue: value,
      type: 'shared',
      workspace: '',
    }));
    return {
      status: 200,
      etag: shown,
      json: {
        secrets: [...rows.slice(shift), ...rows.slice(0, shift)],
        imports: hasImports ? [{ secretPath: '/shared', environment: 'prod', secrets: imported }] : [],
      },
    };
  }

  #show = (key: string, { value, version, since, isHidden = false }: Row): object => ({
    secretKey: key,
    secretValue: isHidden ? '<hidden-by-infisical>' : value,
    secretValueHidden: isHidden,
    type: 'shared',
    workspace: 'project-1',
    secretPath: this.path,
    version,
    updatedAt: new Date(since + this.#house.skew).toISOString(),
    isRotatedSecret: (pair as readonly string[]).includes(key),
  });

  #patch(key: string, isNew: boolean, { body, intent, sentAt = this.#timeline.now() }: FolderAsked): FolderTold {
    const asked = (body ?? {}) as { readonly [name: string]: string | undefined };
    const { secretValue: value, workspaceId, projectId } = asked;
    if ((isNew ? projectId : workspaceId) !== 'project-1' || value === undefined)
      return refused(422, 'ValidationFailure');
    if (this.isForbidden) return refused(403, 'PermissionDenied');
    if (this.isEmptied || !this.rows.has(key)) return refused(404, 'NotFound');
    if ((pair as readonly string[]).includes(key)) return refused(400, 'BadRequest');
    const by = intent ?? backAgain;
    this.onPatch(key, value, by, sentAt);
    if (this.wantsApproval) {
      const pending = { key, value, by };
      this.pending = [...this.pending, pending];
      this.onApproval(pending);
      return { status: 200, json: { approval: { id: 'approval-1' } } };
    }
    this.set({ [key]: value }, by);
    const row = this.rows.get(key);
    return row ? { status: 200, json: { secret: this.#show(key, row) } } : refused(404, 'NotFound');
  }

  #row = (before: Row | undefined, value: string, by?: string): Row => ({
    value,
    version: (before?.version ?? 0) + 1,
    since: this.#timeline.now(),
    ...(by !== undefined && { by }),
    ...(before?.isHidden && { isHidden: true }),
  });
}

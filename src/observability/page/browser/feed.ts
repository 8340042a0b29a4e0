/** What the daemon tells, for as long as the page is open: the whole first, then what changes. */
import type { PageChange, PageStatus } from '../page.ts';

export interface Feed {
  readonly onStatus: (status: PageStatus) => void;
  readonly onChange: (change: PageChange) => void;
  /** Told when it is lost, and `true` when it is there again. */
  readonly onLife: (isAlive: boolean) => void;
}

/** The daemon is heard of every five seconds. */
const patience = 15_000;

export function listenTo(url: string, { onStatus, onChange, onLife }: Feed): void {
  let source: EventSource;
  let silence: ReturnType<typeof setTimeout>;
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => {
      onLife(false);
      source.close();
      connect();
    }, patience);
    onLife(true);
  };
  const connect = () => {
    source = new EventSource(url);
    source.addEventListener('status', (event) => {
      onStatus(JSON.parse(event.data));
      heard();
    });
    source.addEventListener('change', (event) => {
      onChange(JSON.parse(event.data));
      heard();
    });
    source.addEventListener('error', () => {
      onLife(false);
      // Where the daemon answers something else than a stream the browser gives up; we do not.
      if (source.readyState !== EventSource.CLOSED) return;
      clearTimeout(silence);
      silence = setTimeout(connect, 2_000);
    });
  };
  connect();
}

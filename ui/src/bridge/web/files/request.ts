/** A request whose body's progress is seen, which `fetch` does not show. */

import { bridgeText } from '../../../text/bridge';
import { RefusalError } from '../../types';
import { refusalFrom } from '../http';

/** Nothing moved for so long: the link is gone. */
const STALLED_MS = 20_000;

export interface Answer {
  header(name: string): string | null;
}

export interface Asking {
  method: 'POST' | 'HEAD' | 'PATCH' | 'DELETE';
  url: string;
  headers: Record<string, string>;
  body?: Blob;
  /** Bytes of the body that have left. */
  moved?: (bytes: number) => void;
}

/**
 * Rejects with `RefusalError`; `unreachable` when there was no answer or it was stopped. The answer to HEAD
 * has no body: 404 and 410 are `upload_gone` then.
 */
export function send(asking: Asking, stop: AbortSignal): Promise<Answer> {
  return new Promise((done, refused) => {
    const request = new XMLHttpRequest();
    request.open(asking.method, asking.url);
    request.responseType = 'text';
    for (const [name, value] of Object.entries(asking.headers)) request.setRequestHeader(name, value);
    let stalled: ReturnType<typeof setTimeout> | undefined;
    const abort = (): void => request.abort();
    const lives = (): void => {
      clearTimeout(stalled);
      stalled = setTimeout(abort, STALLED_MS);
    };
    request.upload.addEventListener('progress', ({ loaded }) => {
      lives();
      asking.moved?.(loaded);
    });
    request.addEventListener('loadend', () => {
      clearTimeout(stalled);
      stop.removeEventListener('abort', abort);
      if (request.status >= 200 && request.status < 300) {
        done({ header: (name) => request.getResponseHeader(name) });
      } else {
        refused(refusalOf(request));
      }
    });
    stop.addEventListener('abort', abort);
    lives();
    request.send(asking.body ?? null);
    if (stop.aborted) abort();
  });
}

function refusalOf(request: XMLHttpRequest): RefusalError {
  if (request.status === 0) return new RefusalError('unreachable', bridgeText.unreachable);
  try {
    return refusalFrom(JSON.parse(request.responseText));
  } catch {
    const gone = request.status === 404 || request.status === 410;
    return new RefusalError(gone ? 'upload_gone' : 'unreachable', bridgeText.unreachable);
  }
}

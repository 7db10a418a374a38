/** What the page and the worker that shares a screen say to each other. */

import type { Refusal } from '../../../wire';
import type { ScreenAccess } from './link';

/** Page to worker. */
export type ShareOrder =
  /** Where to send, at first and when it changes. */
  | { type: 'access'; access: ScreenAccess }
  /** Take pictures from here until it ends. */
  | { type: 'source'; readable: ReadableStream<VideoFrame> }
  /** One picture, from browsers that give no streams of them. */
  | { type: 'picture'; bitmap: ImageBitmap }
  /** Tell the viewers that it is over, and end. */
  | { type: 'stop' };

/** Worker to page. */
export type ShareNews =
  | { type: 'live' }
  | { type: 'ended'; refusal: Refusal | undefined }
  /** The screen is larger than can be shown. */
  | { type: 'too_large' }
  /** Ready for another picture. */
  | { type: 'idle' };

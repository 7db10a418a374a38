/** Every word that a person reads, in English; a file for each topic. Words with figures are functions. */

import * as chat from './chat';
import * as desktop from './desktop';
import * as files from './files';
import * as hosting from './hosting';
import * as meeting from './meeting';
import * as outside from './outside';
import * as questions from './questions';
import * as spoken from './spoken';
import * as study from './study';
import * as watching from './watching';
import { reportText } from './report';

export { bytes, clockTime, dateTime, duration } from './words';

export const text = {
  product: 'Conclave',

  common: {
    close: 'Close',
    cancel: 'Cancel',
    tryAgain: 'Try again',
    copy: 'Copy',
    copied: 'Copied',
    loading: 'One moment …',
    you: 'you',
  },

  ...outside,
  ...meeting,
  ...chat,
  ...questions,
  ...study,
  ...watching,
  ...files,
  ...hosting,
  ...desktop,
  ...spoken,
  report: reportText,
} as const;

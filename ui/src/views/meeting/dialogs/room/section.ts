/** What each part of the room's settings is given. */

import type { Settings } from '../../../../wire';
import type { Session } from '../../../session.svelte';

export interface SectionProps {
  session: Session;
  /** Changes some of the settings for everybody. */
  change: (some: Partial<Settings>) => void;
}

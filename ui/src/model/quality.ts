/** How good our link is, and what is behind it. */

import type { LinkFigures } from '../bridge/types';
import type { QualityVerdict } from '../wire';

interface Thresholds {
  roundTripMs: number;
  jitterMs: number;
  lossPermille: number;
}

/** Those of `proto/core/src/media/quality/meter.rs`, which says where they come from. */
export const FAIR: Thresholds = { roundTripMs: 100, jitterMs: 30, lossPermille: 20 };
export const POOR: Thresholds = { roundTripMs: 400, jitterMs: 80, lossPermille: 80 };

/** What makes a link less than good: the worst of it first. */
export type Cause = keyof Thresholds;

export interface OwnQuality {
  verdict: QualityVerdict;
  /** What crosses the threshold of the verdict; none when it is good. */
  causes: Cause[];
}

/** Our own verdict from our own figures; what is not measured counts as good. */
export function ownQuality(figures: LinkFigures): OwnQuality {
  const poor = beyond(figures, POOR);
  if (poor.length > 0) return { verdict: 'poor', causes: poor };
  const fair = beyond(figures, FAIR);
  return { verdict: fair.length > 0 ? 'fair' : 'good', causes: fair };
}

/** Bars of the indicator, of 3. */
export function bars(verdict: QualityVerdict): number {
  return verdict === 'good' ? 3 : verdict === 'fair' ? 2 : 1;
}

function beyond(figures: LinkFigures, limits: Thresholds): Cause[] {
  const causes: Cause[] = ['lossPermille', 'roundTripMs', 'jitterMs'];
  return causes.filter((cause) => (figures[cause] ?? 0) > limits[cause]);
}

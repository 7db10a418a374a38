/** A soft gong, made of a few decaying tones. */

/** Of the lowest tone, in hertz. */
const PITCH_HZ = 196;
/** Frequency of each tone by the lowest, how loud it is, and how many seconds it rings. */
const TONES = [
  { by: 1, gain: 0.12, seconds: 3.2 },
  { by: 2.01, gain: 0.06, seconds: 2.3 },
  { by: 2.76, gain: 0.035, seconds: 1.6 },
  { by: 4.07, gain: 0.015, seconds: 1 },
] as const;
/** Struck softly: a tone is there after this. */
const ATTACK_S = 0.02;
/** As good as silent; an exponential never comes to nothing. */
const SILENT = 0.0001;

export function gong(): void {
  // Without it there is nothing to hear it by.
  if (typeof AudioContext === 'undefined') return;
  const context = new AudioContext();
  const from = context.currentTime;
  let last: OscillatorNode | null = null;
  for (const { by, gain, seconds } of TONES) {
    const tone = new OscillatorNode(context, { frequency: PITCH_HZ * by });
    const loud = new GainNode(context, { gain: SILENT });
    loud.gain.exponentialRampToValueAtTime(gain, from + ATTACK_S);
    loud.gain.exponentialRampToValueAtTime(SILENT, from + seconds);
    tone.connect(loud).connect(context.destination);
    tone.start(from);
    tone.stop(from + seconds);
    last ??= tone;
  }
  // The first rings longest.
  last?.addEventListener('ended', () => void context.close());
}

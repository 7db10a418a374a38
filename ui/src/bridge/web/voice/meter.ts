/** Reads the loudness of a microphone about 15 times a second. */

import { loudnessDb } from './level';

const READ_EVERY_MS = 66;
/** At 48 kHz this is 43 ms, so that hardly a sample is missed. */
const SAMPLES = 2_048;

/** Calls back with dB below full scale until the returned function is called. */
export function openMeter(stream: MediaStream, heard: (db: number) => void): () => void {
  const context = new AudioContext();
  const source = context.createMediaStreamSource(stream);
  const analyser = context.createAnalyser();
  analyser.fftSize = SAMPLES;
  source.connect(analyser);
  const samples = new Float32Array(SAMPLES);
  // Without a touch of the person a context may have to wait.
  const wake = (): void => {
    if (context.state === 'suspended') context.resume().catch(() => undefined);
  };
  wake();
  const reading = setInterval(() => {
    wake();
    analyser.getFloatTimeDomainData(samples);
    heard(loudnessDb(samples));
  }, READ_EVERY_MS);
  return () => {
    clearInterval(reading);
    source.disconnect();
    context.close().catch(() => undefined);
  };
}

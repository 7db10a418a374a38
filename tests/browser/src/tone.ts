/** Tones as WAV files for a browser's fake microphone, and finding them again in samples. */

import { writeFile } from 'node:fs/promises';

export const SAMPLE_RATE = 48_000;
/** A microphone that repeats this is a steady tone. */
const SECONDS = 4;
const AMPLITUDE = 0.5;

/** Writes a mono WAV of 16 bits with a whole number of periods, so that its repetition has no seam. */
export async function writeTone(path: string, hertz: number): Promise<void> {
  const samples = SAMPLE_RATE * SECONDS;
  const wav = Buffer.alloc(44 + 2 * samples);
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(36 + 2 * samples, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(SAMPLE_RATE, 24);
  wav.writeUInt32LE(2 * SAMPLE_RATE, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(2 * samples, 40);
  for (let at = 0; at < samples; at += 1) {
    // Swells like syllables, so that nothing takes it for a hum and filters it out.
    const swell = 0.5 - 0.5 * Math.cos((2 * Math.PI * 2 * at) / SAMPLE_RATE);
    const sample = AMPLITUDE * swell * Math.sin((2 * Math.PI * hertz * at) / SAMPLE_RATE);
    wav.writeInt16LE(Math.round(sample * 32_767), 44 + 2 * at);
  }
  await writeFile(path, wav);
}

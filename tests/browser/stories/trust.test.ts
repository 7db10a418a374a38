/** A browser that was told to trust the server's authority, and one that was not. */

import { expect, it } from 'vitest';
import { story } from '../src/story';

const the = story();
const SILENT = { microphone: false, camera: false } as const;

it('a browser that trusts the authority of the server joins without a warning', async () => {
  const room = await the.server.createRoom({ title: 'Trusted' });
  const trust = await the.server.authority();
  const ada = await the.comeIn(room.host, { name: 'Ada', trust, ...SILENT });
  expect(await ada.page.evaluate(() => window.isSecureContext)).toBe(true);
});

it('a browser that does not is warned before anything is shown', async () => {
  const room = await the.server.createRoom({ title: 'Strange' });
  const ada = await the.open({ name: 'Ada', trust: null, ...SILENT });
  await expect(ada.page.goto(room.join)).rejects.toThrow(/ERR_CERT_AUTHORITY_INVALID/);
});

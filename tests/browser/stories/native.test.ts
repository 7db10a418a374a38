/** A guest in a browser and somebody with the native client, in one room. */

import { expect, it } from 'vitest';
import { NativePerson } from '../src/crowd';
import { hears } from '../src/ears';
import { sees } from '../src/eyes';
import { story } from '../src/story';

const the = story();

it('a guest and a native client hear and see each other', async () => {
  const room = await the.server.createRoom({ title: 'Both worlds' });
  const ada = await the.comeIn(room.host, { name: 'Ada', hertz: 440 });
  const native = await NativePerson.join(the.server.origin, room.slug, 1_000, 25);
  try {
    await ada.button('People (2)').waitFor();
    await hears(ada.page, 1_000, [440]);
    const name = await ada.page.locator('li[data-person] .name', { hasNotText: '(you)' }).innerText();
    await sees(ada.page, name.trim());
    const { voice, camera } = await native.figures();
    expect(voice.packets_received).toBeGreaterThan(100);
    expect(camera.frames_received).toBeGreaterThan(20);
  } finally {
    native.kill();
  }
});

import { describe, expect, it } from 'vitest';
import { NO_MEDIA } from './meeting';
import { type BannerFacts, NO_NOTICES, banners, dismiss, forgetOver } from './notices';

describe('banners', () => {
  const facts: BannerFacts = {
    link: { state: 'up' },
    media: NO_MEDIA,
    heldMute: false,
    left: null,
    audioOnly: false,
    hint: null,
    advice: null,
    notices: [],
    atMs: 0,
  };
  const notice = (id: number) => ({ id, text: 'x', at_ms: 0 });

  it('stand in order of urgency', () => {
    const all = banners(NO_NOTICES, {
      ...facts,
      link: { state: 'lost', retryAtMs: 500, attempt: 2 },
      media: { ...NO_MEDIA, talkingWhileMuted: true, camera: { state: 'failed', why: 'busy' } },
      audioOnly: true,
      notices: [notice(1)],
    });
    expect(all.map((one) => one.type)).toEqual(['link_lost', 'talking_muted', 'device_failed', 'audio_only', 'notice']);
    expect(all[0]).toMatchObject({ retryInMs: 500, attempt: 2 });
  });

  it('that were closed stay closed, and come again when it happens again', () => {
    const poor = { ...facts, audioOnly: true, notices: [notice(1), notice(2)] };
    let state = dismiss(NO_NOTICES, { type: 'audio_only' });
    state = dismiss(state, { type: 'notice', notice: notice(1) });
    expect(banners(state, poor)).toEqual([{ type: 'notice', notice: notice(2) }]);
    state = forgetOver(state, { ...poor, audioOnly: false });
    expect(banners(state, poor).map((one) => one.type)).toEqual(['audio_only', 'notice']);
  });

  it('say what is wrong with the link while it is', () => {
    const advice = { type: 'loss', permille: 30, camera: true } as const;
    expect(banners(NO_NOTICES, { ...facts, advice })).toEqual([{ type: 'link_poor', trouble: advice }]);
    expect(banners(NO_NOTICES, facts)).toEqual([]);
  });

  it('say of a device what the program says of it, also while it is on without any use', () => {
    const said = 'No camera was found. Connect one.';
    const media = {
      ...NO_MEDIA,
      microphone: { state: 'on', device: null, label: '', failing: 'Headset is used by another program.' } as const,
      camera: { state: 'failed', why: 'none', said } as const,
    };
    const shown = banners(NO_NOTICES, { ...facts, media });
    expect(shown).toEqual([
      { type: 'device_failed', device: 'microphone', why: 'failed', said: 'Headset is used by another program.' },
      { type: 'device_failed', device: 'camera', why: 'none', said },
    ]);
    // Another reason is another banner, also for who has closed the one before.
    const closed = shown.reduce(dismiss, NO_NOTICES);
    const other = { ...media, camera: { ...media.camera, said: 'Webcam gives no pictures.' } };
    expect(banners(closed, { ...facts, media: other })).toMatchObject([{ device: 'camera', said: 'Webcam gives no pictures.' }]);
    expect(banners(NO_NOTICES, { ...facts, media: { ...media, microphone: { state: 'on', device: null, label: '' } } })).toHaveLength(1);
  });

  it('say nothing of a share that the person called off', () => {
    const media = { ...NO_MEDIA, screen: { state: 'failed', why: 'cancelled' } as const };
    expect(banners(NO_NOTICES, { ...facts, media })).toEqual([]);
  });
});

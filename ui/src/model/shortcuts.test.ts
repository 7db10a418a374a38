import { describe, expect, it } from 'vitest';
import { NOT_HELD, type Press, actionOf, pressed, released } from './shortcuts';

describe('shortcuts', () => {
  const press = (key: string, change: Partial<Press> = {}): Press => ({
    key,
    ctrl: false,
    alt: false,
    meta: false,
    repeat: false,
    composing: false,
    inText: false,
    onControl: false,
    ...change,
  });

  it('are letters in either case', () => {
    expect([actionOf(press('m')), actionOf(press('M'))]).toEqual(['toggle_microphone', 'toggle_microphone']);
  });

  it('do nothing while somebody writes, but for Escape', () => {
    expect(actionOf(press('m', { inText: true }))).toBeNull();
    expect(actionOf(press('Escape', { inText: true }))).toBe('close');
    expect(actionOf(press('Escape', { inText: true, composing: true }))).toBeNull();
  });

  it('leave the browser its own', () => {
    expect(actionOf(press('p', { ctrl: true }))).toBeNull();
    expect(actionOf(press('c', { meta: true }))).toBeNull();
  });

  it('leave the space bar to buttons', () => {
    expect(actionOf(press(' '))).toBe('push_to_talk');
    expect(actionOf(press(' ', { onControl: true }))).toBeNull();
  });

  it('hold the microphone open only for who had it off', () => {
    const held = pressed(NOT_HELD, false);
    expect(held).toEqual({ talk: { held: true }, microphone: true });
    expect(released(held.talk)).toEqual({ talk: { held: false }, microphone: false });
    expect(pressed(NOT_HELD, true).microphone).toBeNull();
    expect(released(NOT_HELD).microphone).toBeNull();
  });
});

/** What buttons and shortcuts both do. */

import { bridge } from '#bridge';
import { layoutOf, choose } from '../../model/stage';
import { shareChoice } from '../../model/floor';
import type { LayoutName } from '../../model/layout';
import { isMutedByFocus } from '../../model/study_clock';
import { text } from '../../text/en';
import { copyText } from '../clipboard';
import { whyText } from '../failure';
import type { Session } from '../session.svelte';

/** Why we cannot speak and show a camera here at all; null when we can. */
export function speakLack(session: Session): string | null {
  if (bridge.can.webrtc !== true) return whyText(bridge.can.webrtc);
  return session.may('speak') ? null : text.people.askHost;
}

export function microphoneLack(session: Session): string | null {
  const { you, state } = session;
  if (you !== null && isMutedByFocus(state.room, you.role)) return text.controls.focusQuiet;
  return speakLack(session) ?? (state.media.sound ? null : text.controls.withoutSound);
}

export function toggleMicrophone(session: Session): void {
  const { microphone } = session.state.media;
  const on = microphone.state !== 'on';
  const lack = microphoneLack(session);
  if (on && lack !== null) {
    session.toast(lack);
    return;
  }
  if (on && session.you?.heldMute === true) {
    session.toast(text.meeting.heldMuteHint);
    return;
  }
  void session.meeting.setMicrophone(on);
}

export function toggleCamera(session: Session): void {
  const lack = speakLack(session);
  if (lack !== null && session.state.media.camera.state !== 'on') {
    session.toast(lack);
    return;
  }
  void session.meeting.setCamera(session.state.media.camera.state !== 'on');
}

export function toggleHand(session: Session): void {
  const raised = session.you?.hand === null;
  if (raised && !session.may('raise_hand')) {
    session.toast(text.people.askHost);
    return;
  }
  void session.ask({ type: 'raise_hand', payload: { raised } });
}

/** The share button: what it does depends on who presents and on what we may. */
export function share(session: Session): void {
  const choice = shareChoice(session.state.room, session.state.you);
  switch (choice.do) {
    case 'stop':
      if (session.state.media.screen.state === 'off') void session.ask({ type: 'release_floor' });
      else void session.meeting.shareScreen(false);
      return;
    case 'share':
      void startSharing(session);
      return;
    case 'take_over':
      void session.ask({ type: 'take_floor' }).then((reply) => {
        if (reply !== null) void startSharing(session);
      });
      return;
    case 'ask':
      void session.ask({ type: 'ask_floor' });
      return;
    case 'stop_waiting':
      void session.ask({ type: 'release_floor' });
      return;
    case 'nothing':
      session.toast(text.people.askHost);
  }
}

export function chooseLayout(session: Session, layout: LayoutName): void {
  session.change((now) => ({ ...now, stage: choose(now.stage, layout) }));
}

export function currentLayout(session: Session): LayoutName {
  return layoutOf(session.state.stage, session.state.room.spotlight);
}

export async function copyJoinLink(session: Session): Promise<void> {
  const copied = await copyText(session.meeting.joinLink());
  session.toast(copied ? text.meeting.linkCopied : text.meeting.copyFailed, copied ? 'info' : 'danger');
}

/** A browser asks by itself what to share; the program asks in a dialog, where there is a choice. */
export async function startSharing(session: Session): Promise<void> {
  if (bridge.desktop === null) return session.meeting.shareScreen(true);
  const offers = await bridge.desktop.screens().catch(() => []);
  const [only] = offers;
  if (offers.length !== 1 || only === undefined) {
    session.dialog = 'screen';
    return;
  }
  bridge.desktop.chooseScreen(only.id);
  return session.meeting.shareScreen(true);
}

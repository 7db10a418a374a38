/** What the share button says, and whether it can be pressed. */

import { bridge } from '#bridge';
import { shareChoice } from '../../../model/floor';
import { text } from '../../../text/en';
import { whyText } from '../../failure';
import type { Session } from '../../session.svelte';

export interface ShareLook {
  label: string;
  /** Why it cannot be pressed. */
  why?: string;
  disabled: boolean;
  active: boolean;
}

export function shareLook(session: Session): ShareLook {
  const ability = bridge.can.screenShare;
  const choice = shareChoice(session.state.room, session.state.you);
  const words = text.controls;
  switch (choice.do) {
    case 'stop':
      return { label: words.shareStop, disabled: false, active: true };
    case 'stop_waiting':
      return { label: words.shareWaiting(choice.place), disabled: false, active: true };
    case 'nothing':
      return { label: words.share, why: text.people.askHost, disabled: true, active: false };
    case 'share':
    case 'take_over':
    case 'ask': {
      const label =
        choice.do === 'share' ? words.share : choice.do === 'ask' ? askLabel(session) : words.shareTakeOver(nameOf(session, choice.from));
      if (ability === true) return { label, disabled: false, active: false };
      return { label, why: whyText(ability), disabled: true, active: false };
    }
  }
}

function askLabel(session: Session): string {
  const { presenter } = session.state.room.floor;
  return presenter === null ? text.controls.shareAsk : text.controls.shareNext(nameOf(session, presenter));
}

function nameOf(session: Session, id: number): string {
  return session.people.find((person) => person.id === id)?.name ?? '';
}

/** Facts of the model as sentences: for screen readers, and for notes of the system. */

import { type Fact } from '../model/announcements';
import { mentions } from '../model/chat';
import { format, plain } from '../model/format';
import { text } from '../text/en';
import { failureText } from './failure';

const SECOND_MS = 1_000;

export function sentenceOf(fact: Fact): string {
  const say = text.spoken;
  switch (fact.type) {
    case 'entered':
      return say.entered(fact.people);
    case 'joined':
      return say.joined(fact.names);
    case 'left':
      return say.left(fact.names);
    case 'kicked':
      return say.kicked(fact.name);
    case 'hand_raised':
      return say.handRaised(fact.name);
    case 'own_hand':
      return say.ownHand(fact.raised);
    case 'waiting':
      return say.waiting(fact.name);
    case 'spotlight':
      return say.spotlight(fact.name);
    case 'own_spotlight':
      return say.ownSpotlight;
    case 'question':
      return say.question(fact.name, fact.text, fact.inReview);
    case 'own_question':
      return say.ownQuestion(fact.shown);
    case 'question_answered':
      return say.questionAnswered(fact.mine, fact.name, fact.text);
    case 'said':
      return say.said(fact.name, plain(format(fact.text)));
    case 'file_shared':
      return say.fileShared(fact.name, fact.file);
    case 'presents':
      return say.presents(fact.name);
    case 'you_present':
      return say.youPresent;
    case 'share_ended':
      return say.shareEnded;
    case 'muted_by_host':
      return say.mutedByHost(fact.mayUnmute);
    case 'may_unmute':
      return say.mayUnmute;
    case 'camera_stopped_by_host':
      return say.cameraStopped;
    case 'study':
      return say.study(fact.phase, fact.why, fact.runs);
    case 'goal':
      return say.goal(fact.text);
    case 'film_opened':
      return say.filmOpened(fact.name);
    case 'film_closed':
      return say.filmClosed;
    case 'film':
      return say.film[fact.why];
    case 'film_held':
      return say.filmHeld(fact.names, fact.you);
    case 'role':
      return say.role(text.people.roles[fact.role], fact.why);
    case 'retitled':
      return say.retitled(fact.title);
    case 'locked':
      return say.locked(fact.locked);
    case 'time_left':
      return say.timeLeft(fact.ms / SECOND_MS);
    case 'time_limit':
      return say.timeLimit(fact.set);
    case 'notice':
      return say.notice(fact.text);
    case 'microphone':
      return say.microphone(fact.on);
    case 'camera':
      return say.camera(fact.on);
    case 'device_failed':
      return failureText(fact.device, fact.why, fact.said);
    case 'audio_only':
      return say.audioOnly(fact.on);
    case 'link_lost':
      return say.linkLost;
    case 'link_back':
      return say.linkBack;
    case 'ended':
      return text.ended[fact.reason].title;
  }
}

/** What is worth a note of the system to somebody who looks elsewhere; null for all else. */
export function noteOf(fact: Fact, yourName: string): string | null {
  switch (fact.type) {
    case 'said':
      return mentions(fact.text, yourName) ? text.spoken.mention(fact.name) : null;
    case 'question_answered':
      return fact.mine ? sentenceOf(fact) : null;
    case 'study':
      return fact.why === 'ended' || fact.why === 'started' ? sentenceOf(fact) : null;
    case 'hand_raised':
    case 'waiting':
    case 'time_left':
    case 'notice':
    case 'you_present':
    case 'ended':
      return sentenceOf(fact);
    default:
      return null;
  }
}

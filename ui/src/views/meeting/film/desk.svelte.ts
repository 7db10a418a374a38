/** Our copy of the film: which file, by which player, and how it does. */

import { bridge } from '#bridge';
import { type FilmHandle, type FilmPlayerKind, type FilmSource, type FilmStatus, RefusalError } from '../../../bridge/types';
import { text } from '../../../text/en';
import type { Command } from '../../../wire';
import type { Session } from '../../session.svelte';

export interface FilmDesk {
  /** Null without a copy. */
  readonly status: FilmStatus | null;
  readonly handle: FilmHandle | null;
  readonly player: FilmPlayerKind;
  /** Where a film in the page plays; the stage puts it there. */
  video: HTMLVideoElement | null;
  usePlayer(player: FilmPlayerKind): void;
  /** From a click: asks for a file, and opens it for us, or for all when none is open. */
  choose(): Promise<void>;
  /** Makes our copy the film of the room. */
  openForRoom(): Promise<void>;
  /** Asks the room for something about the film. */
  lead(command: Command): Promise<void>;
  close(): void;
}

export function deskOf(session: Session): FilmDesk {
  let status: FilmStatus | null = $state.raw(null);
  let handle: FilmHandle | null = $state.raw(null);
  let player: FilmPlayerKind = $state('page');
  let video: HTMLVideoElement | null = $state.raw(null);

  function open(source: FilmSource): FilmHandle {
    handle?.close();
    status = null;
    const opened = session.meeting.openFilm({ source, player, video: player === 'page' ? video : null }, (now) => {
      // What is told of a copy that was closed meanwhile is of no use.
      if (handle === opened || handle === null) status = now;
    });
    handle = opened;
    opened.follow(session.state.room.film);
    return opened;
  }

  const desk: FilmDesk = {
    get status() {
      return status;
    },
    get handle() {
      return handle;
    },
    get player() {
      return player;
    },
    get video() {
      return video;
    },
    set video(element) {
      video = element;
    },
    usePlayer(kind) {
      player = kind;
    },
    async choose() {
      const source = await bridge.film.choose(player);
      if (source === null) return;
      open(source);
      if (session.state.room.film.file === null && session.may('lead_film')) await desk.openForRoom();
    },
    async openForRoom() {
      try {
        await handle?.openForRoom();
      } catch (error) {
        session.toast(error instanceof RefusalError ? error.message : text.refused.other.title, 'danger');
      }
    },
    async lead(command) {
      if (session.may('lead_film')) await session.ask(command);
      else session.toast(text.film.noLead);
    },
    close() {
      handle?.close();
      handle = null;
      status = null;
    },
  };
  return desk;
}

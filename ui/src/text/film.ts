/** What watching together says by itself; the texts of its screens are in `en.ts`. */

export const filmText = {
  cannotDecode: 'This browser cannot play the file. Try the program with mpv, or a copy in MP4 (H.264) or WebM.',
  cannotDecodePicture: 'This browser can play the sound of the file but not its picture. Try the program with mpv, or another copy.',
  fileGone: 'The file of the film is not there any more, or has changed. Choose it again.',
  fileUnreadable: 'The file of the film cannot be read. Check who may read it, or choose another one.',
  noVideoElement: 'The window of the film is not there. Open it again.',
  playerMissing: 'This player is not here. Watch in the page.',
  pauseToStep: 'Pause the film to go through its pictures.',
  noSuchFrame: 'There is no further picture.',
} as const;

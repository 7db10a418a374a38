/** What the browser's side of a meeting says by itself; refusals of the server bring their own sentences. */

export const bridgeText = {
  unreachable: 'The server does not answer. Check your network and try again.',
  tooManyCommands: 'Too many commands wait for their answers. Wait a moment.',
  noAnswer: 'The server did not answer in time. Look whether it was done before you try again.',
  meetingOver: 'The meeting is over for you.',
  leaving: 'You have left the meeting.',
  fileUnreadable: 'The file can no longer be read. Choose it again.',
  fileDamaged: 'What arrived is not what was shared. Fetch it again.',
  noStorage: 'There is no room on this device for the file.',
} as const;

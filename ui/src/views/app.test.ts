// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bridge } from '#bridge';
import App from './App.svelte';
import { all, found, nameless, show } from './testing';

let hide: () => void = () => undefined;
afterEach(() => {
  hide();
  document.body.replaceChildren();
  localStorage.clear();
});

function open(path: string): void {
  history.replaceState(null, '', path);
  hide = show(App, {});
}

function press(element: HTMLElement): void {
  element.click();
}

function write(field: HTMLElement, text: string): void {
  if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) throw new Error('a field');
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

async function enter(room: string): Promise<void> {
  open(`/r/${room}`);
  write(await found('input', 'Your name'), 'Ada Lovelace');
  press(await found('button[type="submit"]', 'Join'));
  await found('button', 'Leave');
}

function key(key: string, target: EventTarget = document.body): void {
  target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
}

describe('the front page', () => {
  it('lists the rooms, with what keeps people out', async () => {
    open('/');
    const room = await found('a', 'With a password');
    expect(room.getAttribute('href')).toBe('/r/secret');
    expect(room.textContent).toContain('Password needed');
    expect(nameless()).toEqual([]);
  });

  it('says what is wrong with a code and leads to a room with a good one', async () => {
    open('/');
    const field = await found('input', 'Link or code');
    write(field, 'no such code!');
    press(await found('button[type="submit"]', 'Join'));
    expect((await found('input[aria-invalid="true"]', 'Link or code')).getAttribute('aria-describedby')).toMatch(/wrong/u);
    write(field, 'guest');
    press(await found('button[type="submit"]', 'Join'));
    await found('h1', 'Physics, group 3');
    expect(location.pathname).toBe('/r/guest');
  });
});

describe('before the door', () => {
  it('what the program says of a device stands there as long as it is so', async () => {
    const says = vi.spyOn(bridge.devices, 'failing');
    let changed: () => void = () => undefined;
    const changes = vi.spyOn(bridge.devices, 'onChange').mockImplementation((heard) => {
      changed = heard;
      return () => undefined;
    });
    says.mockImplementation((kind) => (kind === 'microphone' ? 'Start PipeWire or PulseAudio.' : null));
    open('/r/guest');
    await found('[role="alert"]', 'Your microphone does not work. Start PipeWire or PulseAudio.');
    says.mockImplementation((kind) => (kind === 'camera' ? 'Webcam is used by another program.' : null));
    press(await found('button', 'Switch on the camera'));
    await found('[role="alert"]', 'Your camera does not work. Webcam is used by another program.');
    changed();
    await vi.waitFor(() => expect(document.body.textContent).not.toContain('Your microphone does not work'), { timeout: 30_000 });
    says.mockReturnValue(null);
    changed();
    await vi.waitFor(() => expect(document.body.textContent).not.toContain('Your camera does not work'), { timeout: 30_000 });
    says.mockRestore();
    changes.mockRestore();
  });
});

describe('before joining', () => {
  it('asks for a name, and has a name for every control', async () => {
    open('/r/lobby');
    const join = await found('button[type="submit"]', 'Join');
    expect(nameless()).toEqual([]);
    press(join);
    const field = await found('input[aria-invalid="true"]', 'Your name');
    expect(document.activeElement).toBe(field);
  });

  it('asks again when the password is wrong', async () => {
    open('/r/secret');
    write(await found('input', 'Your name'), 'Ada');
    write(await found('input', 'Password of the room'), 'wrong');
    press(await found('button[type="submit"]', 'Join'));
    await found('input[aria-invalid="true"]', 'Password of the room');
    write(await found('input', 'Password of the room'), 'secret');
    press(await found('button[type="submit"]', 'Join'));
    await found('button', 'Leave');
  });

  it('waits at the door, saying where one stands, and can step away', async () => {
    open('/r/waiting');
    write(await found('input', 'Your name'), 'Ada');
    press(await found('button[type="submit"]', 'Join'));
    await found('h1', 'The host will let you in');
    await found('p', 'You are the next.');
    expect(nameless()).toEqual([]);
  });

  it.each([
    ['nowhere', 'There is no such room'],
    ['full', 'The room is full'],
    ['locked', 'The room is locked'],
    ['over', 'This meeting is over'],
  ])('says of /r/%s: %s', async (room, title) => {
    open(`/r/${room}`);
    const heading = await found('h1', title);
    expect(document.activeElement).toBe(heading);
    await found('button', 'Go to the front page');
  });
});

describe('a meeting', () => {
  it('has a name for every control, and one main landmark', async () => {
    await enter('still');
    expect(nameless()).toEqual([]);
    expect(all('main')).toHaveLength(1);
  });

  it.each([
    ['p', 'People (6)'],
    ['c', 'Chat'],
    ['f', 'Files'],
  ])('opens and closes a panel by %s', async (letter, title) => {
    await enter('still');
    key(letter);
    await found('aside h2', title);
    expect(nameless()).toEqual([]);
    key('Escape');
    await expect.poll(() => all('aside')).toEqual([]);
    expect(document.activeElement?.getAttribute('data-panel')).not.toBeNull();
  });

  it('has a panel of questions, where one asks, votes and takes back', async () => {
    await enter('listener');
    key('q');
    await found('aside h2', 'Questions');
    expect(nameless()).toEqual([]);
    const open = all('.open li .text').map((question) => question.textContent.trim());
    expect(open[0]).toBe('Which instrument was used?');
    const vote = await found('button[aria-pressed="false"]', 'Vote for “Which instrument');
    press(vote);
    await found('button[aria-pressed="true"]', 'Vote for “Which instrument was used?”, 5 votes');
    write(await found('textarea', 'Ask a question'), '<b>Why?</b>');
    press(await found('button[type="submit"]', 'Ask'));
    const mine = await found('.review li', '<b>Why?</b>');
    expect(mine.textContent).toContain('not let through yet');
    expect(all('li b')).toEqual([]);
  });

  it('lets who may answer let questions through, and answer them', async () => {
    await enter('lecture');
    key('q');
    press(await found('button', 'Let through “Can we do'));
    press(await found('.open button', 'Answer “Can we do'));
    write(await found('textarea', 'Your answer'), 'Yes, next week.');
    press(await found('button', 'Send the answer'));
    expect((await found('.answered li', 'Can we do')).textContent).toContain('Yes, next week.');
    expect(nameless()).toEqual([]);
  });

  it('has every setting of the room in one dialog, with a name for every control', async () => {
    await enter('lecture');
    press(await found('button', 'More'));
    press(await found('[role="menuitem"]', 'Room settings'));
    await found('[role="dialog"] h2', 'Room settings');
    expect(nameless()).toEqual([]);
    press(await found('input[role="switch"]', 'A shared clock for studying'));
    await found('input', 'Focus, minutes');
  });

  it('has a study clock, whose goals are kept on this device and shown to the room by choice', async () => {
    await enter('study');
    expect(document.title).toMatch(/^1\d:\d\d Focus · Library/u);
    key('t');
    await found('aside [role="timer"]', 'Focus');
    expect(nameless()).toEqual([]);
    write(await found('input', 'What I focus on'), 'Waves');
    write(await found('input', 'New goal'), 'Read page 90');
    press(await found('button[type="submit"]', 'Add'));
    await found('aside label', 'Read page 90');
    expect(localStorage.getItem('conclave.study')).toContain('Read page 90');
    expect(all('aside li').some((row) => row.textContent.includes('Waves'))).toBe(false);
    press(await found('input[role="switch"]', 'Show these to the room'));
    await found('aside li', 'Waves');
    press(await found('aside button', 'Pause'));
    await found('[role="log"] p', 'Focus is paused');
    await found('aside button', 'Go on');
  });

  it('shows who has the film, who holds it up, and what of it is out of reach', async () => {
    await enter('film');
    key('w');
    await found('aside li', 'loading');
    expect(nameless()).toEqual([]);
    const step = await found('button', 'One picture forth. ');
    expect(step.getAttribute('aria-disabled')).toBe('true');
    await found('[role="status"]', 'Waiting for');
    press(await found('button', 'Pause for everybody'));
    await found('button', 'Play for everybody');
  });

  it('takes letters for text while one writes', async () => {
    await enter('still');
    key('c');
    const field = await found('textarea', 'Write to everybody');
    key('p', field);
    await found('aside h2', 'Chat');
  });

  it('shows a message that was sent, as text', async () => {
    await enter('still');
    key('c');
    write(await found('textarea', 'Write to everybody'), '<img src=x> *hello*');
    press(await found('button[type="submit"]', 'Send'));
    const said = await found('li .text', 'hello');
    expect(said.textContent.trim()).toBe('<img src=x> hello');
    expect(all('li img')).toEqual([]);
  });

  it('tells a screen reader what happens', async () => {
    await enter('still');
    await found('[role="log"] p', 'You are in.');
    key('h');
    await found('[role="log"] p', 'Your hand is raised');
  });

  it('lists the shortcuts by ?', async () => {
    await enter('still');
    key('?');
    await found('[role="dialog"] h2', 'Keyboard shortcuts');
    expect(all('[role="dialog"] kbd').map((cap) => cap.textContent)).toEqual(['M', 'Space', 'V', 'S', 'H', 'C', 'P', 'F', 'Q', 'T', 'W', '?', 'Esc']);
  });

  it('is left through a question, and says so afterwards', async () => {
    await enter('guest');
    press(await found('button', 'Leave'));
    press(await found('[role="dialog"] button', 'Leave'));
    const heading = await found('h1', 'You have left');
    expect(document.activeElement).toBe(heading);
    await found('button', 'Join again');
  });

  it('gives the room another title, which everybody hears and sees', async () => {
    await enter('lecture');
    press(await found('button', 'More'));
    press(await found('[role="menuitem"]', 'Room settings'));
    const field = await found('input', 'Title of the room');
    await found('[role="dialog"] button[disabled]', 'Call it so');
    write(field, '  ');
    await found('input[aria-invalid="true"]', 'Title of the room');
    write(field, 'Waves, part 2');
    press(await found('[role="dialog"] button:not([disabled])', 'Call it so'));
    await found('[role="log"] p', 'The room is called Waves, part 2 now');
    await vi.waitFor(() => expect(document.title).toContain('Waves, part 2'));
  });

  it('shows its host how it went, in it and afterwards', async () => {
    await enter('lecture');
    press(await found('button', 'More'));
    press(await found('[role="menuitem"]', 'Report so far'));
    await found('[role="dialog"] h3', 'Poor links');
    await found('[role="dialog"] td', '4.2 %');
    expect(nameless()).toEqual([]);
    press(await found('[role="dialog"] button', 'Close'));
    press(await found('button', 'Leave'));
    press(await found('[role="dialog"] button', 'Leave'));
    press(await found('button', 'What came of the meeting'));
    const heading = await found('h1', 'What came of “Introduction to waves”');
    expect(document.activeElement).toBe(heading);
    await found('dd', '47 min');
    await found('th[scope="row"]', 'Is this in the exam? (hidden)');
    expect(all('td').map((cell) => cell.textContent)).toEqual(expect.arrayContaining(['without a name', 'answered live', 'still there']));
    await found('dd', 'voice, questions, something newer');
    press(await found('button', 'Save as a table (CSV)'));
    await found('[role="status"]', 'Saved as lecture-report.csv');
    press(await found('button', 'Back'));
    await found('h1', 'You have left');
  });

  it('shows nobody else how it went', async () => {
    await enter('guest');
    press(await found('button', 'Leave'));
    press(await found('[role="dialog"] button', 'Leave'));
    await found('h1', 'You have left');
    expect(all('button').some((button) => button.textContent.includes('What came of'))).toBe(false);
  });

  it('offers who has the host key of a room that is over its report, and to open it again', async () => {
    open('/r/over#h=key');
    await found('h1', 'This meeting is over');
    press(await found('button', 'What came of the meeting'));
    await found('h1', 'What came of the meeting');
    press(await found('button', 'Back'));
    press(await found('button', 'Open the room again'));
    // The pretended one is not kept, and says so.
    await found('h1', 'There is no such room');
  });
});

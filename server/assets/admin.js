// Makes the operator's pages live. They work without it.
'use strict';

/** Lines that the log keeps on the page. */
const LINES_MAX = 2000;
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

function bytes(value) {
  let unit = 0;
  while (value >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${UNITS[unit]}`;
}

function seconds(value) {
  const two = (number) => String(number).padStart(2, '0');
  const days = Math.floor(value / 86400);
  const hours = Math.floor(value / 3600) % 24;
  const minutes = Math.floor(value / 60) % 60;
  if (days > 0) return `${days} d ${two(hours)} h`;
  if (hours > 0) return `${hours} h ${two(minutes)} min`;
  if (minutes > 0) return `${minutes} min ${two(value % 60)} s`;
  return `${value} s`;
}

/** Follows a stream, and says in words whether it does. */
function follow(address, state, words) {
  const events = new EventSource(address);
  events.onopen = () => {
    state.textContent = words.follows;
  };
  events.onerror = () => {
    // A stream that is refused is not tried again: the session is over, or too many pages are open.
    state.textContent = events.readyState === EventSource.CLOSED ? words.over : words.interrupted;
  };
  return events;
}

function followFigures(list) {
  const known = (value, show) => (value === null ? 'unknown' : show(value));
  const shown = {
    cpu: (now) => known(now.cpu_percent, (percent) => `${percent.toFixed(0)} %`),
    memory: (now) => known(now.memory_bytes, bytes),
    disk_free: (now) => known(now.disk_free_bytes, bytes),
    uptime: (now) => seconds(now.uptime_s),
  };
  const events = follow(list.dataset.live, document.getElementById('figures-state'), {
    follows: 'The figures follow by themselves.',
    interrupted: 'The figures do not follow now. Trying again.',
    over: 'The figures do not follow any more. Load the page anew.',
  });
  events.onmessage = (message) => {
    const now = JSON.parse(message.data);
    for (const place of list.querySelectorAll('[data-figure]')) {
      const name = place.dataset.figure;
      const text = name in shown ? shown[name](now) : String(now[name]);
      if (place.textContent !== text) place.textContent = text;
    }
  };
  return events;
}

function row(line) {
  const cells = [line.at, line.level, line.target, line.text].map((text) => {
    const cell = document.createElement('td');
    cell.textContent = text;
    return cell;
  });
  cells[0].className = 'nowrap';
  cells[3].className = 'text';
  const tag = document.createElement('span');
  tag.className = `tag ${line.level}`;
  tag.textContent = line.level;
  cells[1].replaceChildren(tag);
  const row = document.createElement('tr');
  row.append(...cells);
  return row;
}

function followLog(region) {
  const body = document.getElementById('tail');
  const pause = document.getElementById('pause');
  let waiting = [];
  let paused = false;
  const show = () => {
    const atEnd = region.scrollHeight - region.scrollTop - region.clientHeight < 40;
    body.append(...waiting.map(row));
    waiting = [];
    while (body.rows.length > LINES_MAX) body.rows[0].remove();
    if (atEnd) region.scrollTop = region.scrollHeight;
  };
  pause.hidden = false;
  pause.addEventListener('click', () => {
    paused = !paused;
    pause.setAttribute('aria-pressed', String(paused));
    if (!paused) show();
  });
  const events = follow(region.dataset.tail, document.getElementById('tail-state'), {
    follows: 'New lines appear by themselves.',
    interrupted: 'No new lines come now. Trying again.',
    over: 'No new lines come any more. Load the page anew.',
  });
  events.onmessage = (message) => {
    waiting = waiting.concat(JSON.parse(message.data)).slice(-LINES_MAX);
    if (!paused) show();
  };
  region.scrollTop = region.scrollHeight;
  return events;
}

function countDown(places) {
  const ends = places.map((place) => Date.now() + Number(place.dataset.endsIn) * 1000);
  setInterval(() => {
    places.forEach((place, index) => {
      const left = Math.max(0, Math.round((ends[index] - Date.now()) / 1000));
      place.textContent = seconds(left);
    });
  }, 1000);
}

const streams = [];
const figures = document.querySelector('[data-live]');
if (figures) streams.push(followFigures(figures));
const log = document.querySelector('[data-tail]');
if (log) streams.push(followLog(log));
const endings = [...document.querySelectorAll('[data-ends-in]')];
if (endings.length > 0) countDown(endings);
addEventListener('pagehide', () => streams.forEach((stream) => stream.close()));

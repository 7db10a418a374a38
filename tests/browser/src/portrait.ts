/** Somebody for a browser's made-up camera to film: head and shoulders before a wall, as raw video. */

import { writeFile } from 'node:fs/promises';

const WIDTH = 640;
const HEIGHT = 360;
const FRAMES = 20;

/** Brightness and both colour differences (ITU-R BT.601), 0 to 255. */
type Colour = readonly [y: number, u: number, v: number];

const SKINS: readonly Colour[] = [
  [170, 112, 152],
  [120, 114, 150],
  [145, 113, 151],
];
const SHIRTS: readonly Colour[] = [
  [90, 160, 110],
  [110, 108, 165],
  [95, 118, 112],
];

/** Writes a file that Chromium's `--use-file-for-fake-video-capture` plays again and again; `who` is anybody's number. */
export async function writePortrait(path: string, who: number): Promise<void> {
  const pieces = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420mpeg2\n`)];
  for (let frame = 0; frame < FRAMES; frame += 1) pieces.push(Buffer.from('FRAME\n'), draw(who, frame / FRAMES));
  await writeFile(path, Buffer.concat(pieces));
}

function draw(who: number, moment: number): Buffer<ArrayBuffer> {
  const picture = Buffer.alloc((WIDTH * HEIGHT * 3) / 2);
  for (let row = 0; row < HEIGHT; row += 1) {
    for (let column = 0; column < WIDTH; column += 1) {
      const [y, u, v] = colourAt(who, moment, column, row);
      picture[row * WIDTH + column] = y;
      if (row % 2 !== 0 || column % 2 !== 0) continue;
      const at = WIDTH * HEIGHT + ((row / 2) * WIDTH) / 2 + column / 2;
      picture[at] = u;
      picture[at + (WIDTH * HEIGHT) / 4] = v;
    }
  }
  return picture;
}

function colourAt(who: number, moment: number, column: number, row: number): Colour {
  const sway = 6 * Math.sin(2 * Math.PI * (moment + who / 3));
  const x = column - WIDTH / 2 - sway;
  const inside = (left: number, top: number, width: number, height: number): boolean =>
    ((x - left) / width) ** 2 + ((row - top) / height) ** 2 < 1;
  const skin = SKINS[who % SKINS.length] ?? [128, 128, 128];
  const shirt = SHIRTS[who % SHIRTS.length] ?? [128, 128, 128];
  // Eyes and mouth before the face, the face before hair and shoulders.
  if (inside(-20, 146, 5, 4) || inside(20, 146, 5, 4)) return [40, 128, 128];
  if (inside(0, 186, 17, 5)) return [105, 116, 168];
  if (inside(0, 156, 52, 66)) return skin;
  if (inside(0, 130, 62, 66)) return [38 + 14 * (who % 3), 124, 132];
  if (Math.abs(x) < 22 && row > 200 && row < 260) return [skin[0] - 20, skin[1], skin[2]];
  if (inside(0, 352, 138, 108)) return shirt;
  // A wall in the light of a window.
  return [Math.round(200 - 50 * (column / WIDTH) - 20 * (row / HEIGHT)), 126 - 2 * (who % 3), 130];
}

/** Pictures that are drawn instead of taken: faces with their names, and a screen with slides. */

import { actor } from './people';
import type { ScreenSize } from '../types';

const CAMERA = { width: 640, height: 360 };
export const SCREEN: ScreenSize = { width: 1280, height: 720 };
const FRAMES_PER_SECOND = 10;

/** Draws a moving face until stopped. */
export function drawCamera(canvas: HTMLCanvasElement, at: number, still: boolean): () => void {
  canvas.width = CAMERA.width;
  canvas.height = CAMERA.height;
  return animate(canvas, still, (context, seconds) => {
    const { hue } = actor(at);
    const { width, height } = CAMERA;
    const ground = context.createLinearGradient(0, 0, width, height);
    ground.addColorStop(0, `hsl(${String(hue)} 35% 32%)`);
    ground.addColorStop(1, `hsl(${String(hue + 40)} 30% 18%)`);
    context.fillStyle = ground;
    context.fillRect(0, 0, width, height);

    const sway = Math.sin(seconds * 0.9 + at) * 10;
    context.fillStyle = `hsl(${String(hue)} 30% 72%)`;
    context.beginPath();
    context.ellipse(width / 2 + sway / 2, height * 1.02, 150, 120, 0, 0, Math.PI * 2);
    context.fill();
    context.fillStyle = `hsl(${String(hue + 15)} 38% 80%)`;
    context.beginPath();
    context.ellipse(width / 2 + sway, height * 0.48, 72, 88, 0, 0, Math.PI * 2);
    context.fill();
    context.fillStyle = `hsl(${String(hue)} 30% 20%)`;
    for (const side of [-26, 26]) {
      context.beginPath();
      context.arc(width / 2 + sway + side, height * 0.45, 7, 0, Math.PI * 2);
      context.fill();
    }
    context.lineWidth = 6;
    context.strokeStyle = `hsl(${String(hue)} 30% 25%)`;
    context.beginPath();
    context.arc(width / 2 + sway, height * 0.52, 26, 0.2, Math.PI - 0.2);
    context.stroke();
  });
}

/** Draws a slide that counts its seconds, until stopped. */
export function drawScreen(canvas: HTMLCanvasElement, still: boolean): () => void {
  canvas.width = SCREEN.width;
  canvas.height = SCREEN.height;
  return animate(canvas, still, (context, seconds) => {
    const slide = Math.floor(seconds / 8) % 3;
    context.fillStyle = '#fdfcf9';
    context.fillRect(0, 0, SCREEN.width, SCREEN.height);
    context.fillStyle = '#1b4b72';
    context.fillRect(0, 0, SCREEN.width, 96);
    context.fillStyle = '#ffffff';
    context.font = '600 44px system-ui, sans-serif';
    context.fillText(['Where we stand', 'What we measured', 'What comes next'][slide] ?? '', 48, 64);
    context.fillStyle = '#26323a';
    context.font = '30px system-ui, sans-serif';
    ['Voice first', 'Encrypted by default', 'Back in two seconds'].forEach((words, at) => {
      context.fillText(`•  ${words}`, 64, 200 + at * 64);
    });
    for (let bar = 0; bar < 6; bar += 1) {
      const height = 60 + ((bar * 53 + slide * 90) % 240);
      context.fillStyle = `hsl(${String(200 + bar * 12)} 55% 50%)`;
      context.fillRect(680 + bar * 88, 560 - height, 60, height);
    }
    context.fillStyle = '#5a6a74';
    context.fillText(`${String(Math.floor(seconds))} s`, 1140, 690);
  });
}

function animate(
  canvas: HTMLCanvasElement,
  still: boolean,
  draw: (context: CanvasRenderingContext2D, seconds: number) => void,
): () => void {
  const context = canvas.getContext('2d');
  // A browser without drawing shows no pretended people.
  if (context === null) return () => undefined;
  draw(context, 0);
  if (still) return () => undefined;
  const began = performance.now();
  const timer = setInterval(() => draw(context, (performance.now() - began) / 1_000), 1_000 / FRAMES_PER_SECOND);
  return () => clearInterval(timer);
}

/** Zoom and pan of the shared screen: pure geometry. */

export interface Size {
  width: number;
  height: number;
}

export interface View {
  /** 1 shows the whole screen. */
  zoom: number;
  /** Where the screen's middle is, from the middle of the frame, in CSS pixels. */
  x: number;
  y: number;
}

export const WHOLE: View = { zoom: 1, x: 0, y: 0 };
export const ZOOM_MAX = 8;
export const ZOOM_STEP = 1.25;
/** A step of the arrow keys, in CSS pixels. */
export const PAN_STEP_PX = 60;

/** CSS pixels per pixel of the screen that show the whole of it. */
export function fitScale(screen: Size, frame: Size): number {
  if (screen.width <= 0 || screen.height <= 0) return 1;
  return Math.min(frame.width / screen.width, frame.height / screen.height);
}

/** Zooms by a factor; the point at (atX, atY), from the frame's middle, stays where it is. */
export function zoomed(view: View, factor: number, atX: number, atY: number, screen: Size, frame: Size): View {
  const zoom = Math.min(ZOOM_MAX, Math.max(1, view.zoom * factor));
  const grown = zoom / view.zoom;
  return held({ zoom, x: atX - (atX - view.x) * grown, y: atY - (atY - view.y) * grown }, screen, frame);
}

export function panned(view: View, dx: number, dy: number, screen: Size, frame: Size): View {
  return held({ ...view, x: view.x + dx, y: view.y + dy }, screen, frame);
}

/** The screen's edges do not come inside of the frame. */
function held(view: View, screen: Size, frame: Size): View {
  const scale = fitScale(screen, frame) * view.zoom;
  const roomX = Math.max(0, (screen.width * scale - frame.width) / 2);
  const roomY = Math.max(0, (screen.height * scale - frame.height) / 2);
  return {
    zoom: view.zoom,
    x: Math.min(roomX, Math.max(-roomX, view.x)),
    y: Math.min(roomY, Math.max(-roomY, view.y)),
  };
}

/** What no meeting can do without, by the names that browsers' documentation uses. */

/** Those that are missing here. Sound and pictures are not among them: one can read and write without. */
export function missingEssentials(): string[] {
  const needed: Record<string, boolean> = {
    WebSocket: 'WebSocket' in window,
    ResizeObserver: 'ResizeObserver' in window,
    AbortController: 'AbortController' in window,
    'canvas 2D': document.createElement('canvas').getContext !== undefined,
    'crypto.getRandomValues': 'crypto' in window && 'getRandomValues' in window.crypto,
  };
  return Object.keys(needed).filter((name) => needed[name] !== true);
}

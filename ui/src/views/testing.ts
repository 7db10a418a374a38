/** Screens in a pretended page, for tests. */

import { type Component, flushSync, mount, unmount } from 'svelte';
import { vi } from 'vitest';

/** Puts a component into the page; returns how to take it out. */
export function show<Props extends Record<string, unknown>>(component: Component<Props>, props: Props): () => void {
  const shown = mount(component, { target: document.body, props });
  flushSync();
  return () => void unmount(shown);
}

export function all(selector: string): Element[] {
  return [...document.querySelectorAll(selector)];
}

/** The name that a screen reader says, as far as our screens need it (accname 1.2, without pseudo-elements). */
export function nameOf(element: Element): string {
  const by = element.getAttribute('aria-labelledby');
  if (by !== null) {
    return by
      .split(/\s+/u)
      .map((id) => document.getElementById(id)?.textContent ?? '')
      .join(' ')
      .trim();
  }
  const label = element.getAttribute('aria-label');
  if (label !== null) return label.trim();
  if (element.id !== '') {
    const field = document.querySelector(`label[for="${element.id}"]`);
    if (field !== null) return field.textContent.trim();
  }
  return (element.closest('label') ?? element).textContent.trim();
}

/** Controls that nobody can name. */
export function nameless(): string[] {
  return all('button, a[href], input:not([aria-hidden="true"]), textarea, select, [role="slider"], [role="switch"]')
    .filter((control) => nameOf(control) === '')
    .map((control) => control.outerHTML);
}

/** Waits until something of the page is there. */
export function found(selector: string, text = ''): Promise<HTMLElement> {
  return vi.waitFor(
    () => {
      flushSync();
      const element = all(selector).find((one) => nameOf(one).includes(text));
      if (!(element instanceof HTMLElement)) throw new Error(`no ${selector} ${text} in ${document.body.textContent}`);
      return element;
    },
    { timeout: 30_000, interval: 20 },
  );
}

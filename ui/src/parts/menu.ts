/** The lines of a menu. */

import type { Component } from 'svelte';

/** One line. `checked` makes it a choice that shows its state. */
export interface MenuItem {
  id: string;
  label: string;
  /** For screen readers, where the label is a picture. */
  said?: string;
  icon?: Component<{ 'aria-hidden'?: 'true' }>;
  key?: string;
  checked?: boolean;
  danger?: boolean;
  disabled?: boolean;
  /** Why it is disabled, or what it means. */
  hint?: string;
  /** A line above it. */
  divided?: boolean;
  choose: () => void;
}

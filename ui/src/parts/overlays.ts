/** Where menus, lists and tips are put: inside of the main landmark, or of the dialog that they belong to. */

import { getContext, setContext } from 'svelte';

const KEY = Symbol('overlays');

type Place = () => HTMLElement | 'main';

/** For a dialog: what opens inside of it stands inside of it too, above it and in its focus. */
export function overlaysGoTo(place: Place): void {
  setContext(KEY, place);
}

/** Call it while a component is made. */
export function overlaysPlace(): Place {
  return getContext<Place | undefined>(KEY) ?? (() => 'main');
}

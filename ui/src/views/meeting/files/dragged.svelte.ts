/** Whether a file is on its way out of this window: it is not to be shared where it comes from. */

export const dragged = $state({ out: false });

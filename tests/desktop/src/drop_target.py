"""A small window in the corner that takes files: writes the address of what is dropped on it into a file, and
makes another file, of the same name and `.over`, as soon as something is held over it."""

import sys

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gtk  # noqa: E402

SIDE_PX = 120


def main(path: str) -> None:
    # One that is in front of all others, without anybody who manages windows.
    window = Gtk.Window(type=Gtk.WindowType.POPUP)
    window.set_default_size(SIDE_PX, SIDE_PX)
    window.move(0, 0)
    window.drag_dest_set(Gtk.DestDefaults.ALL, [], Gdk.DragAction.COPY)
    window.drag_dest_add_uri_targets()

    def over(*_: object) -> bool:
        open(path + ".over", "w").close()
        return False

    def received(_widget, _context, _x, _y, data, *_: object) -> None:
        with open(path, "w") as taken:
            taken.write("\n".join(data.get_uris()))

    window.connect("drag-motion", over)
    window.connect("drag-data-received", received)
    window.show_all()
    Gtk.main()


main(sys.argv[1])

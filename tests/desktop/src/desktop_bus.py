"""What a desktop offers to programs on its buses: staying awake (`Inhibit` of systemd-logind), an unlocked screen
(Idle Inhibition Service of freedesktop.org), and notes (Desktop Notifications Specification 1.2).

Whatever happens is a line of JSON. What a person at the desk does comes by the interface `app.conclave.Person`.
"""

import json
import os
from itertools import count

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAMES = ["org.freedesktop.login1", "org.freedesktop.ScreenSaver", "org.freedesktop.Notifications"]
NOTES_PATH = "/org/freedesktop/Notifications"
NOTES = "org.freedesktop.Notifications"

INTERFACES = """
<node>
  <interface name="org.freedesktop.login1.Manager">
    <method name="Inhibit">
      <arg type="s" direction="in"/><arg type="s" direction="in"/>
      <arg type="s" direction="in"/><arg type="s" direction="in"/>
      <arg type="h" direction="out"/>
    </method>
  </interface>
  <interface name="org.freedesktop.ScreenSaver">
    <method name="Inhibit">
      <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="u" direction="out"/>
    </method>
    <method name="UnInhibit"><arg type="u" direction="in"/></method>
  </interface>
  <interface name="org.freedesktop.Notifications">
    <method name="Notify">
      <arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
      <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
      <arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/>
    </method>
    <method name="GetCapabilities"><arg type="as" direction="out"/></method>
    <method name="GetServerInformation">
      <arg type="s" direction="out"/><arg type="s" direction="out"/>
      <arg type="s" direction="out"/><arg type="s" direction="out"/>
    </method>
    <method name="CloseNotification"><arg type="u" direction="in"/></method>
    <signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal>
    <signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal>
  </interface>
  <interface name="app.conclave.Person">
    <method name="Hesitate"><arg type="b" direction="in"/></method>
    <method name="Press"><arg type="u" direction="in"/></method>
    <method name="Held"><arg type="u" direction="out"/><arg type="u" direction="out"/></method>
  </interface>
</node>
"""
PATHS = {
    "org.freedesktop.login1.Manager": "/org/freedesktop/login1",
    "org.freedesktop.ScreenSaver": "/org/freedesktop/ScreenSaver",
    "org.freedesktop.Notifications": NOTES_PATH,
    "app.conclave.Person": "/person",
}


def say(of: str, did: str, **more: object) -> None:
    print(json.dumps({"of": of, "did": did, **more}), flush=True)


class Desktop:
    def __init__(self, bus: Gio.DBusConnection) -> None:
        self.bus = bus
        self.numbers = count(1)
        self.sleep: set[int] = set()
        self.lock: dict[int, int] = {}
        # Answers that are held back; None while nobody hesitates.
        self.late: list | None = None
        for interface in Gio.DBusNodeInfo.new_for_xml(INTERFACES).interfaces:
            bus.register_object(PATHS[interface.name], interface, self.call, None, None)

    def call(self, _bus, sender, _path, _interface, method, words, invocation) -> None:
        getattr(self, method)(invocation, sender, *words.unpack())

    # Sleep, and the lock of the screen.

    def Inhibit(self, invocation, sender, *words) -> None:
        if len(words) == 4:
            what, who, why, mode = words
            say("sleep", "asked", what=what, who=who, why=why, mode=mode)
            answer = lambda: self.hold_sleep(invocation)  # noqa: E731
        else:
            who, why = words
            say("lock", "asked", who=who, why=why)
            answer = lambda: self.hold_lock(invocation, sender)  # noqa: E731
        if self.late is None:
            answer()
        else:
            self.late.append(answer)

    def hold_sleep(self, invocation) -> None:
        ours, theirs = os.pipe()
        files = Gio.UnixFDList.new()
        files.append(theirs)
        os.close(theirs)
        self.sleep.add(ours)
        GLib.io_add_watch(ours, GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP, self.sleep_ends)
        invocation.return_value_with_unix_fd_list(GLib.Variant("(h)", (0,)), files)

    def sleep_ends(self, ours: int, _condition) -> bool:
        self.sleep.discard(ours)
        os.close(ours)
        say("sleep", "released")
        return False

    def hold_lock(self, invocation, sender: str) -> None:
        cookie = next(self.numbers)
        invocation.return_value(GLib.Variant("(u)", (cookie,)))
        gone = lambda *_: self.lock_ends(cookie, "gone")  # noqa: E731
        self.lock[cookie] = Gio.bus_watch_name_on_connection(self.bus, sender, Gio.BusNameWatcherFlags.NONE, None, gone)

    def UnInhibit(self, invocation, _sender, cookie: int) -> None:
        invocation.return_value(None)
        self.lock_ends(cookie, "given back")

    def lock_ends(self, cookie: int, how: str) -> None:
        watch = self.lock.pop(cookie, None)
        if watch is not None:
            Gio.bus_unwatch_name(watch)
            say("lock", "released", how=how)

    # Notes.

    def Notify(self, invocation, _sender, program, _replaces, icon, title, body, actions, hints, _ms) -> None:
        number = next(self.numbers)
        whose = hints.get("desktop-entry")
        say("note", "shown", number=number, program=program, icon=icon, title=title, body=body, actions=actions, whose=whose)
        invocation.return_value(GLib.Variant("(u)", (number,)))

    def GetCapabilities(self, invocation, _sender) -> None:
        invocation.return_value(GLib.Variant("(as)", (["actions", "body", "body-markup"],)))

    def GetServerInformation(self, invocation, _sender) -> None:
        invocation.return_value(GLib.Variant("(ssss)", ("notes", "conclave", "1", "1.2")))

    def CloseNotification(self, invocation, _sender, number: int) -> None:
        invocation.return_value(None)
        self.tell("NotificationClosed", GLib.Variant("(uu)", (number, 3)))

    # What a person does, and a look at what is held: sleep, lock.

    def Hesitate(self, invocation, _sender, on: bool) -> None:
        late, self.late = self.late, [] if on else None
        for answer in late or []:
            answer()
        invocation.return_value(None)

    def Press(self, invocation, _sender, number: int) -> None:
        self.tell("ActionInvoked", GLib.Variant("(us)", (number, "default")))
        self.tell("NotificationClosed", GLib.Variant("(uu)", (number, 2)))
        invocation.return_value(None)

    def Held(self, invocation, _sender) -> None:
        invocation.return_value(GLib.Variant("(uu)", (len(self.sleep), len(self.lock))))

    def tell(self, signal: str, words: GLib.Variant) -> None:
        self.bus.emit_signal(None, NOTES_PATH, NOTES, signal, words)


def main() -> None:
    bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
    Desktop(bus)
    for name in NAMES:
        wish = GLib.Variant("(su)", (name, 0))
        at = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName")
        bus.call_sync(*at, wish, None, Gio.DBusCallFlags.NONE, -1, None)
    say("desktop", "ready")
    GLib.MainLoop().run()


main()

//! What an X server tells: where displays and windows are, and how the pointer looks.

use x11rb::{
    connection::{Connection, RequestConnection},
    errors::{ConnectError, ConnectionError, ReplyError},
    protocol::{
        randr::ConnectionExt as _,
        xfixes::ConnectionExt as _,
        xproto::{AtomEnum, ConnectionExt as _, MapState, Window, WindowClass},
    },
    rust_connection::RustConnection,
};

use super::{Area, DisplayInfo, ScreenRefused, WindowInfo};

/// Windows that are listed at most.
const WINDOWS_MAX: usize = 128;
/// A title is read up to here, in units of four bytes.
const TITLE_WORDS_MAX: u32 = 64;
/// Smaller ones are no windows for people: helpers of a toolkit.
const WINDOW_PX_MIN: u32 = 16;
/// A pointer is at most so wide and high.
const POINTER_PX_MAX: u16 = 256;

/// A connection of our own, beside the one that captures.
pub(super) struct Desktop {
    connection: RustConnection,
    root: Window,
    client_list: u32,
    net_name: u32,
    utf8: u32,
    has_pointer: bool,
}

/// A pointer's picture and place.
pub(super) struct Pointer {
    pub x: i32,
    pub y: i32,
    pub width: u32,
    pub height: u32,
    /// Premultiplied, 0xAARRGGBB.
    pub argb: Vec<u32>,
}

impl Desktop {
    pub(super) fn connect() -> Result<Desktop, ScreenRefused> {
        let (connection, screen) = x11rb::connect(None).map_err(|error| match error {
            ConnectError::SetupAuthenticate(_) | ConnectError::SetupFailed(_) => {
                ScreenRefused::denied()
            }
            _ => ScreenRefused::no_display(),
        })?;
        let root = connection.setup().roots[screen].root;
        let atom = |name: &[u8]| -> Result<u32, ScreenRefused> {
            let reply = connection.intern_atom(false, name).map_err(lost)?;
            Ok(reply.reply().map_err(refused)?.atom)
        };
        let (client_list, net_name) = (atom(b"_NET_CLIENT_LIST")?, atom(b"_NET_WM_NAME")?);
        let utf8 = atom(b"UTF8_STRING")?;
        for (extension, why) in [
            (
                x11rb::protocol::shm::X11_EXTENSION_NAME,
                "it shares no memory",
            ),
            (
                x11rb::protocol::randr::X11_EXTENSION_NAME,
                "it tells no displays",
            ),
        ] {
            let known = connection.extension_information(extension).map_err(lost)?;
            known.ok_or_else(|| ScreenRefused::failed(why))?;
        }
        // The version must be asked for before anything else of it.
        let version = connection
            .xfixes_query_version(4, 0)
            .map(|asked| asked.reply());
        let has_pointer = matches!(version, Ok(Ok(_)));
        Ok(Desktop {
            connection,
            root,
            client_list,
            net_name,
            utf8,
            has_pointer,
        })
    }

    /// In the order in which the capturing library counts them.
    pub(super) fn displays(&self) -> Result<Vec<(DisplayInfo, Area)>, ScreenRefused> {
        let asked = self.connection.randr_get_monitors(self.root, true);
        let monitors = asked.map_err(lost)?.reply().map_err(refused)?.monitors;
        let mut displays = Vec::new();
        for (i, monitor) in monitors.iter().enumerate() {
            let name = self.connection.get_atom_name(monitor.name).map_err(lost)?;
            let name = name.reply().map_err(refused)?.name;
            let area = Area {
                x: monitor.x.into(),
                y: monitor.y.into(),
                width: monitor.width.into(),
                height: monitor.height.into(),
            };
            let info = DisplayInfo {
                id: String::from_utf8_lossy(&name).into_owned(),
                name: format!("Display {}", i + 1),
                width_px: area.width,
                height_px: area.height,
                primary: monitor.primary,
            };
            displays.push((info, area));
        }
        match displays.is_empty() {
            true => Err(ScreenRefused::no_display()),
            false => Ok(displays),
        }
    }

    /// Windows that their person sees, the topmost first.
    pub(super) fn windows(&self) -> Result<Vec<WindowInfo>, ScreenRefused> {
        let mut windows = Vec::new();
        for window in self.candidates()?.into_iter().rev().take(WINDOWS_MAX) {
            // A window may be gone by the time it is asked about.
            let (Ok(Some(area)), Ok(Some(title))) = (self.area(window), self.title(window)) else {
                continue;
            };
            if area.width >= WINDOW_PX_MIN && area.height >= WINDOW_PX_MIN {
                windows.push(WindowInfo {
                    id: window.to_string(),
                    title,
                    width_px: area.width,
                    height_px: area.height,
                });
            }
        }
        Ok(windows)
    }

    /// Where a window is; `None` while it is not shown.
    ///
    /// # Errors
    /// When it is gone.
    pub(super) fn window_area(&self, id: &str) -> Result<Option<Area>, ScreenRefused> {
        let window = id.parse().map_err(|_| ScreenRefused::no_window())?;
        self.area(window)
    }

    /// The pointer, wherever it is.
    pub(super) fn pointer(&self) -> Result<Option<Pointer>, ScreenRefused> {
        if !self.has_pointer {
            return Ok(None);
        }
        let asked = self.connection.xfixes_get_cursor_image().map_err(lost)?;
        let image = asked.reply().map_err(refused)?;
        let small = image.width <= POINTER_PX_MAX && image.height <= POINTER_PX_MAX;
        let whole =
            image.cursor_image.len() == usize::from(image.width) * usize::from(image.height);
        Ok((small && whole).then(|| Pointer {
            x: i32::from(image.x) - i32::from(image.xhot),
            y: i32::from(image.y) - i32::from(image.yhot),
            width: image.width.into(),
            height: image.height.into(),
            argb: image.cursor_image,
        }))
    }

    /// What a window manager says are windows; without one, what stands on the desktop itself.
    fn candidates(&self) -> Result<Vec<Window>, ScreenRefused> {
        let asked = self.connection.get_property(
            false,
            self.root,
            self.client_list,
            AtomEnum::WINDOW,
            0,
            WINDOWS_MAX as u32,
        );
        let listed = asked.map_err(lost)?.reply().map_err(refused)?;
        if let Some(windows) = listed.value32() {
            let windows: Vec<Window> = windows.collect();
            if !windows.is_empty() {
                return Ok(windows);
            }
        }
        let asked = self.connection.query_tree(self.root).map_err(lost)?;
        Ok(asked.reply().map_err(refused)?.children)
    }

    fn area(&self, window: Window) -> Result<Option<Area>, ScreenRefused> {
        let attributes = self
            .connection
            .get_window_attributes(window)
            .map_err(lost)?;
        let geometry = self.connection.get_geometry(window).map_err(lost)?;
        let place = self
            .connection
            .translate_coordinates(window, self.root, 0, 0);
        let place = place.map_err(lost)?;
        let attributes = attributes.reply().map_err(gone)?;
        let (geometry, place) = (
            geometry.reply().map_err(gone)?,
            place.reply().map_err(gone)?,
        );
        let shown = attributes.map_state == MapState::VIEWABLE
            && attributes.class == WindowClass::INPUT_OUTPUT;
        Ok(shown.then(|| Area {
            x: place.dst_x.into(),
            y: place.dst_y.into(),
            width: geometry.width.into(),
            height: geometry.height.into(),
        }))
    }

    fn title(&self, window: Window) -> Result<Option<String>, ScreenRefused> {
        for (property, kind) in [
            (self.net_name, self.utf8),
            (AtomEnum::WM_NAME.into(), AtomEnum::ANY.into()),
        ] {
            let asked =
                self.connection
                    .get_property(false, window, property, kind, 0, TITLE_WORDS_MAX);
            let title = asked.map_err(lost)?.reply().map_err(gone)?.value;
            if !title.is_empty() {
                return Ok(Some(String::from_utf8_lossy(&title).into_owned()));
            }
        }
        Ok(None)
    }
}

fn lost(error: ConnectionError) -> ScreenRefused {
    ScreenRefused::failed(error)
}

fn refused(error: ReplyError) -> ScreenRefused {
    ScreenRefused::failed(error)
}

/// An error about a window means that it is gone.
fn gone(error: ReplyError) -> ScreenRefused {
    match error {
        ReplyError::X11Error(_) => ScreenRefused::no_window(),
        ReplyError::ConnectionError(error) => ScreenRefused::failed(error),
    }
}

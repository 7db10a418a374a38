//! A desktop that nobody sees: an Xvfb with windows whose every pixel is known.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use x11rb::{
    connection::Connection,
    protocol::xproto::{
        AtomEnum, ConfigureWindowAux, ConnectionExt as _, CreateGCAux, CreateWindowAux,
        ImageFormat, PropMode, Window, WindowClass,
    },
    rust_connection::RustConnection,
    wrapper::ConnectionExt as _,
};

pub const WIDTH: u16 = 800;
pub const HEIGHT: u16 = 600;
const DEPTH: u8 = 24;

pub struct Desktop {
    child: Child,
    pub name: String,
    connection: RustConnection,
    root: Window,
}

impl Desktop {
    /// # Panics
    /// When Xvfb is not installed or does not start.
    pub fn start() -> Desktop {
        let mut child = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0"])
            .arg(format!("{WIDTH}x{HEIGHT}x{DEPTH}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed");
        let mut number = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut number)
            .unwrap();
        let name = format!(":{}", number.trim());
        let (connection, screen) = x11rb::connect(Some(&name)).expect("Xvfb runs");
        let root = connection.setup().roots[screen].root;
        Desktop {
            child,
            name,
            connection,
            root,
        }
    }

    /// Shows a window filled with a pattern, at a place.
    pub fn window(&self, title: &str, x: i16, y: i16, pattern: &Pattern) -> Window {
        let connection = &self.connection;
        let (width, height) = (pattern.width, pattern.height);
        let pixmap = connection.generate_id().unwrap();
        connection
            .create_pixmap(DEPTH, pixmap, self.root, width, height)
            .unwrap();
        let context = connection.generate_id().unwrap();
        connection
            .create_gc(context, pixmap, &CreateGCAux::new())
            .unwrap();
        // In pieces, since a request is at most 256 KiB.
        let row = usize::from(width) * 4;
        for (top, line) in pattern.bgra.chunks(row).enumerate() {
            connection
                .put_image(
                    ImageFormat::Z_PIXMAP,
                    pixmap,
                    context,
                    width,
                    1,
                    0,
                    top as i16,
                    0,
                    DEPTH,
                    line,
                )
                .unwrap();
        }
        let window = connection.generate_id().unwrap();
        let looks = CreateWindowAux::new()
            .background_pixmap(pixmap)
            .override_redirect(1);
        connection
            .create_window(
                DEPTH,
                window,
                self.root,
                x,
                y,
                width,
                height,
                0,
                WindowClass::INPUT_OUTPUT,
                0,
                &looks,
            )
            .unwrap();
        connection
            .change_property8(
                PropMode::REPLACE,
                window,
                AtomEnum::WM_NAME,
                AtomEnum::STRING,
                title.as_bytes(),
            )
            .unwrap();
        connection.map_window(window).unwrap();
        connection.sync().unwrap();
        window
    }

    pub fn move_window(&self, window: Window, x: i32, y: i32) {
        let place = ConfigureWindowAux::new().x(x).y(y);
        self.connection.configure_window(window, &place).unwrap();
        self.connection.sync().unwrap();
    }

    pub fn close(&self, window: Window) {
        self.connection.destroy_window(window).unwrap();
        self.connection.sync().unwrap();
    }

    /// Moves the pointer.
    pub fn point_at(&self, x: i16, y: i16) {
        self.connection
            .warp_pointer(x11rb::NONE, self.root, 0, 0, 0, 0, x, y)
            .unwrap();
        self.connection.sync().unwrap();
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Pixels that no encoding with loss would give again.
pub struct Pattern {
    pub width: u16,
    pub height: u16,
    /// The fourth byte is 0.
    pub bgra: Vec<u8>,
}

impl Pattern {
    pub fn new(width: u16, height: u16, seed: u32) -> Pattern {
        let pixels = u32::from(width) * u32::from(height);
        let bgra = (0..pixels).flat_map(|i| {
            let (x, y) = (i % u32::from(width), i / u32::from(width));
            // Letters' edges: hard steps of one pixel in both directions, in fields of different colours.
            let ink = (x * 7 + y * 3 + seed) % 11 < 3;
            let paper = [
                230 - (x / 32 % 8) as u8 * 9,
                240,
                250 - (y / 32 % 8) as u8 * 11,
            ];
            let [b, g, r] = if ink {
                [30, 20 + (seed % 200) as u8, 10]
            } else {
                paper
            };
            [b, g, r, 0]
        });
        Pattern {
            width,
            height,
            bgra: bgra.collect(),
        }
    }
}

//! A real screen is shown, and a viewer has its every pixel.

use std::time::{Duration, Instant};

use conclave_client::{
    link::{dial::Dialer, invite::Invite},
    screen::{ScreenAccess, ScreenView},
    session::{Session, SessionConfig},
};
use conclave_scenario::server::{DEADLINE, Server};
use conclave_wire::Encoding;
use serde_json::{Value, json};

use super::{
    desktop::{Desktop, HEIGHT, Pattern, WIDTH},
    headless::{Coming, Headless},
};

/// A pointer is smaller than this on each side of its tip.
const POINTER_PX: usize = 40;

/// Somebody who looks.
struct Viewer {
    _session: Session,
    view: ScreenView,
}

impl Viewer {
    async fn join(invite: &Invite) -> Viewer {
        let config = SessionConfig {
            invite: invite.clone(),
            name: "Viewer".into(),
            password: None,
            sound: false,
            encoding: Encoding::MessagePack,
            seed: 7,
            device: None,
            waiting: None,
            file_hash: None,
        };
        let (session, mut events) = Session::join(config).await.expect("the room is open");
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        let access = ScreenAccess {
            dialer: Dialer::new(invite).expect("TLS works here"),
            slug: invite.slug.clone(),
            welcome: session.welcomes(),
        };
        let (view, mut seen) = ScreenView::open(access);
        tokio::spawn(async move { while seen.recv().await.is_some() {} });
        Viewer {
            _session: session,
            view,
        }
    }

    /// Waits until what is seen is as it should be.
    async fn sees(&self, what: &str, mut is: impl FnMut(usize, &[u8]) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let seen = self.view.with_canvas(|canvas| {
                canvas.is_some_and(|canvas| is(canvas.grid().width_px() as usize, canvas.pixels()))
            });
            if seen {
                return;
            }
            assert!(Instant::now() < deadline, "the viewer does not see {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Pixels that differ, the fourth byte aside: near a point, and elsewhere.
fn differing(width: usize, seen: &[u8], wanted: &[u8], point: (usize, usize)) -> (usize, usize) {
    let pixels = seen.chunks_exact(4).zip(wanted.chunks_exact(4)).enumerate();
    let differing = pixels.filter(|(_, (seen, wanted))| seen[..3] != wanted[..3]);
    let (near, elsewhere): (Vec<_>, Vec<_>) = differing.partition(|(i, _)| {
        (i % width).abs_diff(point.0) < POINTER_PX && (i / width).abs_diff(point.1) < POINTER_PX
    });
    (near.len(), elsewhere.len())
}

fn shares(ada: &mut Headless, choice: &Value) {
    ada.order(&json!({"do": "share", "choice": choice}));
    ada.hears("that it is live", |said| {
        (said["said"] == "share" && said["event"] == "Live").then_some(())
    });
}

fn presenter(server: &Server, desktop: &Desktop) -> Headless {
    Headless::come(Coming {
        link: &server.host_invite().to_string(),
        name: "Ada",
        devices: json!({}),
        environment: vec![("DISPLAY", desktop.name.clone())],
        camera: false,
    })
}

fn screens(ada: &mut Headless) -> Value {
    ada.order(&json!({"do": "screens"}));
    ada.hears("its screens", |said| {
        (said["said"] == "screens").then(|| said["screens"]["Ok"].clone())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_display_is_shown_to_the_last_pixel_with_its_pointer() {
    let (server, desktop) = (Server::start(), Desktop::start());
    let pattern = Pattern::new(WIDTH, HEIGHT, 1);
    desktop.window("Whole", 0, 0, &pattern);
    desktop.point_at(200, 150);
    let mut ada = presenter(&server, &desktop);
    let listed = screens(&mut ada);
    let display = &listed["displays"][0];
    assert_eq!(
        (&display["width_px"], &display["height_px"]),
        (&json!(WIDTH), &json!(HEIGHT))
    );
    shares(&mut ada, &json!({"show": "display", "id": display["id"]}));
    let viewer = Viewer::join(&server.invite()).await;
    for point in [(200, 150), (640, 480)] {
        desktop.point_at(point.0 as i16, point.1 as i16);
        viewer
            .sees("the display with its pointer", |width, seen| {
                seen.len() == pattern.bgra.len()
                    && matches!(differing(width, seen, &pattern.bgra, point), (10.., 0))
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_is_followed_where_it_is_moved_until_it_is_closed() {
    let (server, desktop) = (Server::start(), Desktop::start());
    desktop.window("Behind", 0, 0, &Pattern::new(WIDTH, HEIGHT, 1));
    let pattern = Pattern::new(300, 200, 90);
    let window = desktop.window("Notes", 50, 60, &pattern);
    desktop.point_at(790, 10);
    let mut ada = presenter(&server, &desktop);
    let listed = screens(&mut ada);
    let notes = &listed["windows"][0];
    assert_eq!(notes["title"], "Notes", "{listed:#}");
    shares(&mut ada, &json!({"show": "window", "id": notes["id"]}));
    let viewer = Viewer::join(&server.invite()).await;
    let whole = |width: usize, seen: &[u8]| {
        width == 300 && differing(width, seen, &pattern.bgra, (9_999, 9_999)) == (0, 0)
    };
    viewer.sees("the window", whole).await;
    // Partly beyond the edge, and back elsewhere.
    desktop.move_window(window, 600, 450);
    viewer
        .sees("the part that is there", |width, _| width == 200)
        .await;
    desktop.move_window(window, 333, 222);
    viewer.sees("the window elsewhere", whole).await;
    desktop.close(window);
    ada.hears("that the window is gone", |said| {
        (said["event"] == "SourceGone").then_some(())
    });
}

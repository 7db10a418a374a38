//! Machines that have not everything: each says so, and the meeting goes on.

use conclave_scenario::server::Server;
use serde_json::json;

use super::headless::{Coming, Headless};

#[test]
fn a_machine_without_sound_and_camera_says_so_and_still_takes_part() {
    let server = Server::start();
    let empty = tempfile::tempdir().unwrap();
    let nowhere = empty.path().join("native");
    let mut ada = Headless::come(Coming {
        link: &server.invite().to_string(),
        name: "Ada",
        devices: json!({}),
        environment: vec![
            ("PULSE_SERVER", format!("unix:{}", nowhere.display())),
            ("HOME", empty.path().display().to_string()),
        ],
        camera: true,
    });
    let mut failing = |kind: &str| {
        ada.hears(&format!("that its {kind} fails"), |said| {
            let event = &said["event"];
            let fails = event["type"] == "failing" && event["kind"] == kind;
            fails.then(|| event["refused"].clone())
        })
    };
    for kind in ["microphone", "speaker"] {
        let refused = failing(kind);
        assert_eq!(refused["code"], "no_sound_server", "{refused}");
        assert!(
            refused["message"]
                .as_str()
                .unwrap()
                .contains("Start PipeWire or PulseAudio")
        );
    }
    let state = ada.state();
    assert!(
        state["microphone"].is_null() && state["speaker"].is_null(),
        "{state:#}"
    );
}

#[test]
fn a_desktop_that_cannot_be_captured_says_why() {
    let server = Server::start();
    let link = server.invite().to_string();
    for (environment, code) in [
        (vec![], "no_display"),
        (vec![("DISPLAY", ":9999".to_owned())], "no_display"),
        (
            vec![
                ("DISPLAY", ":0".to_owned()),
                ("WAYLAND_DISPLAY", "wayland-0".to_owned()),
            ],
            "wayland_capture",
        ),
    ] {
        let mut ada = Headless::come(Coming {
            link: &link,
            name: "Ada",
            devices: json!({}),
            environment,
            camera: false,
        });
        ada.order(&json!({"do": "screens"}));
        let refused = ada.hears("why there are no screens", |said| {
            (said["said"] == "screens").then(|| said["screens"]["Err"].clone())
        });
        assert_eq!(refused["code"], code, "{refused}");
        ada.order(&json!({"do": "share", "choice": {"show": "display", "id": "screen"}}));
        let why = ada.hears("why it does not share", |said| {
            (said["said"] == "refused").then(|| said["why"].clone())
        });
        assert_eq!(why, refused["message"]);
    }
}

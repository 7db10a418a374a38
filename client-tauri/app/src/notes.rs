//! Notes of the desktop, and the way from them back to the window.

/// Words for a note.
pub struct Note {
    pub title: String,
    pub body: String,
}

/// Shows notes.
pub struct Notes {
    #[cfg(target_os = "linux")]
    wanted: tokio::sync::mpsc::Sender<Note>,
}

impl Notes {
    /// Calls `pressed` when somebody presses a note.
    #[cfg(target_os = "linux")]
    pub fn new(pressed: impl Fn() + Send + 'static) -> Notes {
        let (wanted, notes) = tokio::sync::mpsc::channel(linux::WAITING_MAX);
        tauri::async_runtime::spawn(linux::show_all(notes, pressed));
        Notes { wanted }
    }

    /// There a note is only shown.
    #[cfg(not(target_os = "linux"))]
    pub fn new(_: impl Fn() + Send + 'static) -> Notes {
        Notes {}
    }

    /// Does not wait.
    #[cfg(target_os = "linux")]
    pub fn show(&self, note: Note) {
        if self.wanted.try_send(note).is_err() {
            tracing::debug!("the desktop is too slow for so many notes");
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub fn show(&self, note: Note) {
        let mut shown = notify_rust::Notification::new();
        shown
            .appname("Conclave")
            .summary(&note.title)
            .body(&note.body);
        // It waits for the system's answer.
        let showing = std::thread::Builder::new().name("note".into());
        let started = showing.spawn(move || {
            if let Err(error) = shown.show() {
                tracing::debug!(%error, "this system shows no notes");
            }
        });
        if let Err(error) = started {
            tracing::debug!(%error, "no thread for a note");
        }
    }
}

/// Desktop Notifications Specification (freedesktop.org), version 1.2.
#[cfg(target_os = "linux")]
mod linux {
    use std::collections::{HashMap, VecDeque};

    use tokio::sync::mpsc;
    use zbus::{
        Connection, MatchRule, Message, MessageStream, export::ordered_stream::OrderedStreamExt,
        message, zvariant::Value,
    };

    use super::Note;
    use crate::bus::{answered, ask};

    /// Notes that wait for a slow desktop; further ones are not shown.
    pub(super) const WAITING_MAX: usize = 16;
    /// Notes that can be pressed. Desktops keep them for days; older ones only show.
    const PRESSABLE_MAX: usize = 64;
    const SERVICE: &str = "org.freedesktop.Notifications";
    const PATH: &str = "/org/freedesktop/Notifications";
    /// What a note does that is pressed, in the words of the specification.
    const PRESS: &str = "default";
    /// The desktop decides how long it stands there.
    const USUAL_TIME: i32 = -1;

    pub(super) async fn show_all(mut notes: mpsc::Receiver<Note>, pressed: impl Fn()) {
        let mut desktop = None;
        loop {
            tokio::select! {
                note = notes.recv() => {
                    let Some(note) = note else { return };
                    let shown = answered(show(&mut desktop, &note)).await;
                    if let Err(error) = shown {
                        tracing::debug!(%error, "this desktop shows no notes");
                        desktop = None;
                    }
                }
                signal = heard(&mut desktop) => {
                    let Some(signal) = signal else {
                        // The next note looks for another one.
                        desktop = None;
                        continue;
                    };
                    if desktop.as_mut().is_some_and(|desktop| desktop.is_press(&signal)) {
                        pressed();
                    }
                }
            }
        }
    }

    async fn show(desktop: &mut Option<Desktop>, note: &Note) -> zbus::Result<()> {
        let desktop = match desktop {
            Some(desktop) => desktop,
            None => desktop.insert(Desktop::find().await?),
        };
        desktop.show(note).await
    }

    /// Nothing at the end of a connection.
    async fn heard(desktop: &mut Option<Desktop>) -> Option<Message> {
        match desktop {
            Some(desktop) => desktop.signals.next().await?.ok(),
            None => std::future::pending().await,
        }
    }

    /// Whoever shows the notes here.
    struct Desktop {
        session: Connection,
        signals: MessageStream,
        has_actions: bool,
        /// It reads a body as markup.
        has_markup: bool,
        /// Numbers of notes that stand there, the oldest first.
        standing: VecDeque<u32>,
    }

    impl Desktop {
        async fn find() -> zbus::Result<Desktop> {
            let session = Connection::session().await?;
            let rule = MatchRule::builder()
                .msg_type(message::Type::Signal)
                .path(PATH)?
                .interface(SERVICE)?
                .build();
            let signals = MessageStream::for_match_rule(rule, &session, None).await?;
            let answer = ask(&session, SERVICE, PATH, "GetCapabilities", &()).await?;
            let abilities: Vec<String> = answer.body().deserialize()?;
            let has = |ability: &str| abilities.iter().any(|one| one == ability);
            Ok(Desktop {
                has_actions: has("actions"),
                has_markup: has("body-markup"),
                standing: VecDeque::new(),
                session,
                signals,
            })
        }

        async fn show(&mut self, note: &Note) -> zbus::Result<()> {
            let body = match self.has_markup {
                true => escaped(&note.body),
                false => note.body.clone(),
            };
            let actions: &[&str] = match self.has_actions {
                true => &[PRESS, "Open Conclave"],
                false => &[],
            };
            // By it a desktop knows whose note it is.
            let hints = HashMap::from([("desktop-entry", Value::from("Conclave"))]);
            let (replaces, icon) = (0_u32, "conclave");
            let words = (
                "Conclave",
                replaces,
                icon,
                &note.title,
                body,
                actions,
                hints,
                USUAL_TIME,
            );
            let answer = ask(&self.session, SERVICE, PATH, "Notify", &words).await?;
            self.standing.push_back(answer.body().deserialize()?);
            if self.standing.len() > PRESSABLE_MAX {
                self.standing.pop_front();
            }
            Ok(())
        }

        /// Whether a note of ours was pressed. Desktops tell everybody of every note.
        fn is_press(&mut self, signal: &Message) -> bool {
            let header = signal.header();
            let body = signal.body();
            match header.member().map(|member| member.as_str()) {
                Some("ActionInvoked") => body
                    .deserialize::<(u32, &str)>()
                    .is_ok_and(|(id, action)| action == PRESS && self.standing.contains(&id)),
                Some("NotificationClosed") => {
                    if let Ok((id, _)) = body.deserialize::<(u32, u32)>() {
                        self.standing.retain(|standing| *standing != id);
                    }
                    false
                }
                _ => false,
            }
        }
    }

    /// As it is written, where markup is read.
    fn escaped(text: &str) -> String {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_title_is_shown_as_it_is_written() {
            assert_eq!(escaped("Q&A <b>"), "Q&amp;A &lt;b&gt;");
        }
    }
}

//! The words as TypeScript: `ui/src/wire/index.ts` is what the types say, and the page's table of roles is
//! tested against what is written down here. To write both anew:
//! `CONCLAVE_WRITE=1 cargo test -p conclave-wire --features bindings --test bindings`.
#![cfg(feature = "bindings")]
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, env, fs, path::Path};

use conclave_wire::{
    ClientMessage, ObserversMay, ParticipantsMay, Permission, Role, ServerMessage, Settings, http,
    limits, may, may_give, template::Template,
};
use serde_json::{Value, json};
use ts_rs::{Config, TS, TypeVisitor};

const HEAD: &str = "// Written by `proto/wire/tests/bindings.rs` from the protocol's own types. Do not change it by hand.\n";

/// Declarations by name, each once, with all that they are made of.
struct Declarations {
    config: Config,
    of: BTreeMap<String, String>,
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // What has no name of its own, as `Array<…>`, has nowhere to be written.
        if T::output_path().is_some() {
            let name = T::ident(&self.config);
            if self.of.contains_key(&name) {
                return;
            }
            let docs = T::docs().unwrap_or_default();
            let declaration = format!("{docs}export {}\n", T::decl(&self.config));
            self.of.insert(name, declaration);
        }
        T::visit_dependencies(self);
    }
}

fn written() -> String {
    let mut declarations = Declarations {
        // JSON's numbers are read as doubles anyhow; ours stay below 2^53.
        config: Config::new().with_large_int("number"),
        of: BTreeMap::new(),
    };
    declarations.visit::<ClientMessage>();
    declarations.visit::<ServerMessage>();
    declarations.visit::<Permission>();
    declarations.visit::<Template>();
    declarations.visit::<http::TemplateList>();
    declarations.visit::<http::ServerInfo>();
    declarations.visit::<http::RoomList>();
    declarations.visit::<http::CreateRoom>();
    declarations.visit::<http::RoomCreated>();
    declarations.visit::<http::JoinRoom>();
    declarations.visit::<http::Joined>();
    declarations.visit::<http::RoomEnded>();
    let declared: Vec<_> = declarations.of.into_values().collect();
    format!("{HEAD}\n{}", declared.join("\n"))
}

/// Compares a file of the page with what it should be, or makes it so when that is wished.
fn compare(path: &str, wanted: &str) {
    let full = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../ui")
        .join(path);
    if env::var_os("CONCLAVE_WRITE").is_some() {
        fs::write(&full, wanted).unwrap();
    }
    let found = fs::read_to_string(&full).unwrap();
    assert!(
        found == wanted,
        "ui/{path} is not what the protocol says; write it anew with CONCLAVE_WRITE=1"
    );
}

#[test]
fn the_page_speaks_the_same_words() {
    compare("src/wire/index.ts", &written());
}

const ROLES: [Role; 5] = [
    Role::Host,
    Role::CoHost,
    Role::Presenter,
    Role::Participant,
    Role::Observer,
];

/// Settings that differ in what they let participants and observers do: all of it, none, and one each.
fn settings() -> Vec<Settings> {
    let with = |participants: [bool; 6], observers: [bool; 3]| {
        let [present, speak, chat, files, timer, film] = participants;
        let [react, vote, ask] = observers;
        Settings {
            participants: ParticipantsMay {
                present,
                speak,
                chat,
                files,
                timer,
                film,
            },
            observers: ObserversMay { react, vote, ask },
            ..Settings::default()
        }
    };
    let one = |at: usize| {
        with(
            [0, 1, 2, 3, 4, 5].map(|n| n == at),
            [6, 7, 8].map(|n| n == at),
        )
    };
    let mut all = vec![with([true; 6], [true; 3]), with([false; 6], [false; 3])];
    all.extend((0..9).map(one));
    all
}

#[test]
fn the_page_has_the_same_table_of_roles() {
    let mut allowed = Vec::new();
    for settings in settings() {
        for (role, presenting) in ROLES
            .into_iter()
            .flat_map(|role| [(role, false), (role, true)])
        {
            let permissions: Vec<_> = Permission::ALL
                .into_iter()
                .filter(|&what| may(role, what, &settings, presenting))
                .collect();
            allowed.push(json!({
                "role": role,
                "presenting": presenting,
                "participants": settings.participants,
                "observers": settings.observers,
                "may": permissions,
            }));
        }
    }
    let mut gifts: Vec<Value> = Vec::new();
    for by in ROLES {
        for had in ROLES {
            let gets: Vec<_> = ROLES
                .into_iter()
                .filter(|&gets| may_give(by, had, gets))
                .collect();
            gifts.push(json!({"by": by, "had": had, "gets": gets}));
        }
    }
    let table = json!({"permissions": Permission::ALL, "allowed": allowed, "gifts": gifts});
    compare("tests/fixtures/roles.json", &format!("{table}\n"));
}

#[test]
fn the_page_knows_the_same_limits() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/model/limits.ts");
    let text = fs::read_to_string(path).unwrap();
    for (name, value) in [
        ("NAME_CHARS_MAX", limits::NAME_CHARS_MAX),
        ("TITLE_CHARS_MAX", limits::TITLE_CHARS_MAX),
        ("SLUG_BYTES_MAX", limits::SLUG_BYTES_MAX),
        ("PASSWORD_BYTES_MAX", limits::PASSWORD_BYTES_MAX),
        ("LINE_BYTES_MAX", limits::LINE_BYTES_MAX),
        ("NOTICE_BYTES_MAX", limits::NOTICE_BYTES_MAX),
        ("FILE_NAME_BYTES_MAX", limits::FILE_NAME_BYTES_MAX),
        ("QUESTION_BYTES_MAX", limits::QUESTION_BYTES_MAX),
        ("ANSWER_BYTES_MAX", limits::ANSWER_BYTES_MAX),
        ("TEMPLATE_NAME_CHARS_MAX", limits::TEMPLATE_NAME_CHARS_MAX),
        ("CHAT_PAGE_LINES", limits::CHAT_PAGE_LINES),
    ] {
        let found = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("export const {name} = ")))
            .map(|rest| rest.trim_end_matches(';').replace('_', ""));
        assert_eq!(found, Some(value.to_string()), "{name}");
    }
}

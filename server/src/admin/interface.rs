//! Every address of the operator's pages once, with what it takes, gives and refuses. Routes are registered from this
//! table, and the document for scripts is written from it.

mod document;
mod entry;

use actix_web::{HttpResponse, Resource, Route, web};
use conclave_wire::{
    RefusalCode,
    limits::{NOTICE_BYTES_MAX, SLUG_BYTES_MAX, TITLE_CHARS_MAX},
};

use entry::{Entry, Field, Kind, Who};

use super::{
    assets,
    guard::{OPERATOR_CHARS_MAX, PASSWORD_BYTES_MAX},
    live,
    pages::{
        access, audit, countdowns, logs, meetings, notices, overview, people, quality, room, rooms,
        server, settings, sign_in, statistics, storage,
    },
    refused::Refused,
    request::{Operator, refuse_method},
};

const NAME: Field =
    Field::new("operator", "Your name, for the audit log.").of(Kind::Text(OPERATOR_CHARS_MAX));
const PASSWORD: Field = Field::new("password", "The password.")
    .of(Kind::Text(PASSWORD_BYTES_MAX))
    .needed();
const AGAIN: Field = Field::new("again", "The new one once more.")
    .of(Kind::Text(PASSWORD_BYTES_MAX))
    .needed();
const MINUTES: Field = Field::new(
    "minutes",
    "Ends in so many minutes; without it there is no limit.",
)
.of(Kind::Integer(0, u32::MAX as u64));
const PAGE: Field =
    Field::new("page", "Of a long table; JSON has all rows.").of(Kind::Integer(1, u32::MAX as u64));
const LEVEL: Field = Field::new("level", "At least as grave as this.")
    .of(Kind::OneOf(&["error", "warn", "info", "debug", "trace"]));

/// All of them, in the order of the document.
const ALL: &[Entry] = &[
    Entry::new("GET", "/sign-in", "showSignIn", || {
        web::get().to(sign_in::sign_in_page)
    })
    .says("The form to sign in.")
    .by(Who::Anybody)
    .gives_html(),
    Entry::new("POST", "/sign-in", "signIn", || {
        web::post().to(sign_in::sign_in)
    })
    .says("Signs in: the answer sets the cookie of a session.")
    .by(Who::Anybody)
    .takes(&[NAME, PASSWORD])
    .leads_on()
    .refuses(|| vec![Refused::PasswordWrong, WAIT]),
    Entry::new("GET", "/setup/{token}", "showSetup", || {
        web::get().to(sign_in::set_up_page)
    })
    .says("The form to set the first password.")
    .by(Who::Anybody)
    .gives_html()
    .refuses(|| vec![Refused::SetupLinkWrong, Refused::SetupLinkUsed]),
    Entry::new("POST", "/setup/{token}", "setUp", || {
        web::post().to(sign_in::set_up)
    })
    .says("Sets the first password, by the link that the server printed.")
    .by(Who::Anybody)
    .takes(&[NAME, PASSWORD, AGAIN])
    .leads_on()
    .refuses(|| {
        vec![
            Refused::SetupLinkWrong,
            Refused::SetupLinkUsed,
            Refused::PasswordsDiffer,
            Refused::PasswordWeak,
        ]
    }),
    Entry::new("GET", "/assets/{file}", "getAsset", || {
        web::get().to(assets::get)
    })
    .says("The style, the script, the icon and the logo.")
    .by(Who::Anybody)
    .gives_bytes("*/*")
    .refuses(|| vec![Refused::PageUnknown]),
    Entry::new("GET", "/openapi.json", "describeOperator", || {
        web::get().to(describe)
    })
    .says("This document."),
    Entry::new("GET", "", "showOverview", || web::get().to(overview::page))
        .says("How the server stands: figures, alerts, the fullest rooms, the latest acts."),
    Entry::new("GET", "/live", "followFigures", || {
        web::get().to(live::figures)
    })
    .says("The figures of the overview, every two seconds.")
    .gives_bytes(EVENTS)
    .refuses(|| vec![Refused::TooManyLivePages]),
    Entry::new("GET", "/rooms", "listRooms", || web::get().to(rooms::page))
        .says("All open rooms.")
        .takes(&[
            Field::new("q", "In the title or the address."),
            Field::new("sort", "What stands first.")
                .of(Kind::OneOf(&["people", "opened", "files"])),
            PAGE,
        ]),
    Entry::new("POST", "/rooms", "openRoom", || web::post().to(rooms::open))
        .says("Opens a room. The host's link is told this once.")
        .takes(&[
            Field::new("title", "What it is called.")
                .of(Kind::Text(TITLE_CHARS_MAX))
                .needed(),
            Field::new("slug", "Its address; without one it gets one.")
                .of(Kind::Text(SLUG_BYTES_MAX)),
            Field::new("password", "Who joins needs it.").of(Kind::Text(PASSWORD_BYTES_MAX)),
            MINUTES,
        ])
        .refuses(|| {
            below(&[
                RefusalCode::TitleInvalid,
                RefusalCode::SlugInvalid,
                RefusalCode::SlugTaken,
                RefusalCode::PasswordTooLong,
                RefusalCode::Invalid,
                RefusalCode::TooManyRooms,
                RefusalCode::DiskFull,
            ])
        }),
    Entry::new("GET", "/rooms/{slug}", "showRoom", || {
        web::get().to(room::page)
    })
    .says("One room: who is in it, who waits, its files."),
    Entry::new("POST", "/rooms/{slug}/end", "endRoom", || {
        web::post().to(room::end)
    })
    .says("Ends the meeting for everybody."),
    Entry::new("POST", "/rooms/{slug}/lock", "lockRoom", || {
        web::post().to(room::lock)
    })
    .says("Locks the room, or opens the lock.")
    .takes(&[Field::new("locked", "Whether nobody new comes in.")
        .of(Kind::OneOf(&["true", "false"]))
        .needed()]),
    Entry::new("POST", "/rooms/{slug}/limit", "limitRoom", || {
        web::post().to(room::limit)
    })
    .says("Sets the time limit, or lifts it.")
    .takes(&[MINUTES])
    .refuses(|| below(&[RefusalCode::Invalid])),
    Entry::new("POST", "/rooms/{slug}/people/{id}/kick", "kick", || {
        web::post().to(room::kick)
    })
    .says("Takes somebody out.")
    .takes(&[
        Field::new("reason", "They are shown it."),
        Field::new("ban", "Their program may not come back to this meeting.")
            .of(Kind::OneOf(&["yes"])),
    ])
    .refuses(|| below(&[RefusalCode::NoSuchPerson])),
    Entry::new(
        "POST",
        "/rooms/{slug}/files/{file}/remove",
        "removeFile",
        || web::post().to(room::remove_file),
    )
    .says("Removes a file of an open room.")
    .refuses(|| below(&[RefusalCode::FileNotFound])),
    Entry::new("GET", "/people", "listPeople", || {
        web::get().to(people::page)
    })
    .says("Everybody who is in a room.")
    .takes(&[
        Field::new("name", "In the name."),
        Field::new("room", "In the room's title or address."),
        Field::new("role", "Exactly this one."),
        Field::new("quality", "Of the link.").of(Kind::OneOf(&["good", "fair", "poor", "unknown"])),
        PAGE,
    ]),
    Entry::new("GET", "/notices", "showNotices", || {
        web::get().to(notices::page)
    })
    .says("The form for a notice, and the rooms that it can go to.")
    .takes(&[Field::new("room", "The one that is chosen already.")]),
    Entry::new("POST", "/notices", "postNotice", || {
        web::post().to(notices::post)
    })
    .says("Tells one room or all rooms something.")
    .takes(&[
        Field::new("room", "Its address; without it all rooms are told."),
        Field::new("text", "What to tell.")
            .of(Kind::Text(NOTICE_BYTES_MAX))
            .needed(),
    ])
    .refuses(|| {
        below(&[
            RefusalCode::Invalid,
            RefusalCode::RoomNotFound,
            RefusalCode::RoomEnded,
        ])
    }),
    Entry::new("GET", "/countdowns", "listCountdowns", || {
        web::get().to(countdowns::page)
    })
    .says("Meetings with a time limit, the next to end first."),
    Entry::new("GET", "/quality", "showQuality", || {
        web::get().to(quality::page)
    })
    .says("Round trip, jitter and loss of everybody, minute by minute.")
    .takes(&[Field::new("minutes", "So many of the last.").of(Kind::Integer(1, 1_440))]),
    Entry::new("GET", "/meetings", "listMeetings", || {
        web::get().to(meetings::list)
    })
    .says("Meetings that are over."),
    Entry::new("GET", "/meetings/{room_id}/{opened}", "showMeeting", || {
        web::get().to(meetings::page)
    })
    .says("What came of a meeting.")
    .refuses(|| below(&[RefusalCode::RoomNotFound])),
    Entry::new(
        "GET",
        "/meetings/{room_id}/{opened}/report.csv",
        "getMeetingTable",
        || web::get().to(meetings::table),
    )
    .says("The same as a table.")
    .gives_bytes("text/csv")
    .refuses(|| below(&[RefusalCode::RoomNotFound])),
    Entry::new("GET", "/statistics", "showStatistics", || {
        web::get().to(statistics::page)
    })
    .says("Meetings a day, how long they were, what was used, errors by endpoint.")
    .takes(&[Field::new("days", "So many of the last.").of(Kind::Integer(1, 400))]),
    Entry::new("GET", "/storage", "listFiles", || {
        web::get().to(storage::page)
    })
    .says("Files of open rooms and of those that are still kept.")
    .takes(&[
        Field::new("room", "The room's address."),
        Field::new("order", "What stands first.")
            .of(Kind::OneOf(&["largest", "oldest", "newest", "room"])),
    ]),
    Entry::new(
        "POST",
        "/storage/{room_id}/{file}/remove",
        "removeKeptFile",
        || web::post().to(storage::remove),
    )
    .says("Removes a file of a room that has ended.")
    .refuses(|| below(&[RefusalCode::FileNotFound, RefusalCode::DiskFull])),
    Entry::new("POST", "/templates/delete", "deleteTemplate", || {
        web::post().to(storage::delete_template)
    })
    .says("Deletes a template, whoever has saved it.")
    .takes(&[Field::new("name", "What it is called.").needed()])
    .refuses(|| below(&[RefusalCode::NoSuchTemplate, RefusalCode::DiskFull])),
    Entry::new("GET", "/logs", "listLogLines", || web::get().to(logs::page))
        .says("The newest log lines.")
        .takes(&[LEVEL]),
    Entry::new("GET", "/logs/live", "followLog", || {
        web::get().to(live::lines)
    })
    .says("Log lines as they come.")
    .takes(&[
        LEVEL,
        Field::new("after", "Only lines behind this number.").of(Kind::Integer(0, u64::MAX)),
    ])
    .gives_bytes(EVENTS)
    .refuses(|| vec![Refused::TooManyLivePages]),
    Entry::new("GET", "/audit", "listActs", || web::get().to(audit::page))
        .says("What operators did, and what was refused.")
        .takes(
            &[Field::new("before", "Only entries with a smaller number.")
                .of(Kind::Integer(0, u64::MAX))],
        ),
    Entry::new("GET", "/settings", "listSettings", || {
        web::get().to(settings::page)
    })
    .says("Every setting with its value and where it comes from. Secrets are not shown."),
    Entry::new("GET", "/access", "showAccess", || {
        web::get().to(access::page)
    })
    .says("Who is signed in, and whether there is a token."),
    Entry::new("POST", "/access/password", "changePassword", || {
        web::post().to(access::change_password)
    })
    .says("Changes the password, and signs everybody else out.")
    .takes(&[
        PASSWORD,
        Field::new("new", "The new one.")
            .of(Kind::Text(PASSWORD_BYTES_MAX))
            .needed(),
        AGAIN,
    ])
    .refuses(|| {
        vec![
            Refused::PasswordWrong,
            Refused::PasswordsDiffer,
            Refused::PasswordWeak,
            WAIT,
        ]
    }),
    Entry::new("POST", "/access/sign-out-others", "signOutOthers", || {
        web::post().to(access::sign_out_others)
    })
    .says("Ends all sessions but the one that asks."),
    Entry::new("POST", "/access/token", "makeToken", || {
        web::post().to(access::draw_token)
    })
    .says("Makes a token for scripts, told this once. An older one is not valid any more."),
    Entry::new("POST", "/access/token/revoke", "revokeToken", || {
        web::post().to(access::revoke_token)
    })
    .says("Takes the token back."),
    Entry::new("POST", "/sign-out", "signOut", || {
        web::post().to(sign_in::sign_out)
    })
    .says("Ends the session that asks.")
    .leads_on(),
    Entry::new("GET", "/server", "showServer", || {
        web::get().to(server::page)
    })
    .says("The link of the first room, the key's fingerprint, and how far stopping is."),
    Entry::new("POST", "/server/stop", "stopServer", || {
        web::post().to(server::stop)
    })
    .says("Stops the server. Asked again, it tells how far it is.")
    .takes(&[
        Field::new("name", "The server's name, to confirm.").needed(),
        Field::new("reason", "Everybody is shown it."),
        Field::new("clear_files", "Remove all shared files, too.").of(Kind::OneOf(&["yes"])),
    ])
    .gives(202)
    .refuses(|| vec![Refused::ConfirmationWrong]),
];

/// Server-sent events; they do not end by themselves.
const EVENTS: &str = "text/event-stream";
const WAIT: Refused = Refused::TooManyAttempts {
    wait: std::time::Duration::ZERO,
};

fn below(codes: &[RefusalCode]) -> Vec<Refused> {
    codes.iter().map(|code| Refused::from(*code)).collect()
}

/// All pages, as resources of the scope `/admin`. Methods that an address does not take are refused, and that is
/// entered into the audit log.
pub(super) fn resources() -> impl Iterator<Item = Resource> {
    let firsts = ALL.iter().enumerate().filter(|(at, entry)| {
        let mut before = ALL[..*at].iter();
        !before.any(|other| other.path == entry.path)
    });
    firsts.map(|(_, first)| {
        let of_path = || ALL.iter().filter(|entry| entry.path == first.path);
        let has = |method| of_path().any(|entry| entry.method == method);
        let allow = match (has("GET"), has("POST")) {
            (true, true) => "GET, POST",
            (true, false) => "GET",
            (false, _) => "POST",
        };
        let refuse = move |request, operator| refuse_method(request, operator, allow);
        let routes: Vec<Route> = of_path().map(|entry| (entry.route)()).collect();
        let resource = web::resource(first.path).default_service(web::to(refuse));
        routes.into_iter().fold(resource, Resource::route)
    })
}

/// `GET /admin/openapi.json`: for operators, because it tells what the pages can do.
async fn describe(operator: Operator) -> HttpResponse {
    HttpResponse::Ok().json(document::document(&operator.state.config.server_name))
}

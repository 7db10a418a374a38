//! Questions over HTTP: ask, vote, answer, pin, hide, let be seen, take back.

use std::cmp::Reverse;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use conclave_wire::{
    Command, QuestionId,
    RefusalCode::{self, *},
    command::Reply,
};
use serde_json::Value;

use super::{
    State, answer,
    api::{Endpoint, Who},
    ask,
    seats::{act, find, view},
    shapes::{
        ChangeQuestion, Done, NewAnswer, NewQuestion, NewVote, QuestionAsked, QuestionPage, Voted,
    },
    words, words_or_none,
};
use crate::actors::room::CountVotes;

const GROUP: &str = "Questions";

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new(
        "GET",
        "/api/rooms/{slug}/questions",
        "readQuestions",
        || web::get().to(read),
    )
    .says(GROUP, "The questions that one may see, most votes first.")
    .by(Who::Seat)
    .gives::<QuestionPage>(200),
    Endpoint::new("POST", "/api/rooms/{slug}/questions", "askQuestion", || {
        web::post().to(ask_one)
    })
    .says(GROUP, "Asks a question.")
    .by(Who::Seat)
    .takes::<NewQuestion>()
    .gives::<QuestionAsked>(201)
    .refuses(&[
        NotAllowed,
        QuestionsClosed,
        NamelessForbidden,
        QuestionInvalid,
        TooManyQuestions,
        DiskFull,
    ]),
    Endpoint::new(
        "PUT",
        "/api/rooms/{slug}/questions/{question}/vote",
        "voteQuestion",
        || web::put().to(vote),
    )
    .says(GROUP, "Votes once, or takes the vote back.")
    .by(Who::Seat)
    .may_take::<NewVote>()
    .gives::<Voted>(200)
    .refuses(&[NotAllowed, NoSuchQuestion, DiskFull]),
    Endpoint::new(
        "POST",
        "/api/rooms/{slug}/questions/{question}/answer",
        "answerQuestion",
        || web::post().to(answer_one),
    )
    .says(GROUP, "Answers in text, or says that it was answered live.")
    .by(Who::Seat)
    .takes::<NewAnswer>()
    .gives::<Done>(200)
    .refuses(&[NotAllowed, NoSuchQuestion, AnswerInvalid, DiskFull]),
    Endpoint::new(
        "PATCH",
        "/api/rooms/{slug}/questions/{question}",
        "changeQuestion",
        || web::patch().to(change),
    )
    .says(GROUP, "Pins, hides, or lets a question be seen.")
    .by(Who::Seat)
    .takes::<ChangeQuestion>()
    .gives::<Done>(200)
    .refuses(&[NotAllowed, NoSuchQuestion, Invalid, DiskFull]),
    Endpoint::new(
        "DELETE",
        "/api/rooms/{slug}/questions/{question}",
        "takeBackQuestion",
        || web::delete().to(take_back),
    )
    .says(GROUP, "Takes one's own question back.")
    .by(Who::Seat)
    .gives::<Done>(200)
    .refuses(&[NotAllowed, NoSuchQuestion, DiskFull]),
];

async fn read(request: HttpRequest, slug: web::Path<String>, state: State) -> HttpResponse {
    let read = async {
        let state = view(&request, &state, &slug).await?.state;
        let mut questions = state.questions;
        questions.sort_by_key(|question| (Reverse(question.votes), question.id));
        Ok(QuestionPage {
            questions,
            asked: state.mine.questions,
            voted: state.mine.votes,
        })
    };
    answer(StatusCode::OK, read.await)
}

async fn ask_one(
    request: HttpRequest,
    slug: web::Path<String>,
    state: State,
    body: web::Json<Value>,
) -> HttpResponse {
    let asked = async {
        let NewQuestion {
            question: text,
            anonymous,
        } = words(body.into_inner())?;
        let command = Command::AskQuestion { text, anonymous };
        match act(&request, &state, &slug, command).await? {
            Reply::Question { question } => Ok(QuestionAsked {
                question_id: question,
            }),
            _ => Err(RefusalCode::Internal.into()),
        }
    };
    answer(StatusCode::CREATED, asked.await)
}

async fn vote(
    request: HttpRequest,
    path: web::Path<(String, u32)>,
    state: State,
    body: web::Bytes,
) -> HttpResponse {
    let (slug, question) = path.into_inner();
    let question = QuestionId(question);
    let voted = async {
        let NewVote { voted } = words_or_none(&request, &body)?;
        let command = Command::VoteQuestion { question, voted };
        act(&request, &state, &slug, command).await?;
        let room = find(&state, &slug).await?;
        let votes = ask(room.send(CountVotes { question })).await?;
        // It may have been taken back meanwhile.
        votes
            .map(|votes| Voted { votes })
            .ok_or_else(|| RefusalCode::NoSuchQuestion.into())
    };
    answer(StatusCode::OK, voted.await)
}

async fn answer_one(
    request: HttpRequest,
    path: web::Path<(String, u32)>,
    state: State,
    body: web::Json<Value>,
) -> HttpResponse {
    let (slug, question) = path.into_inner();
    let answered = async {
        let NewAnswer { answer: text } = words(body.into_inner())?;
        let question = QuestionId(question);
        act(
            &request,
            &state,
            &slug,
            Command::AnswerQuestion { question, text },
        )
        .await
    };
    answer(
        StatusCode::OK,
        answered.await.map(|_| Done { success: true }),
    )
}

async fn change(
    request: HttpRequest,
    path: web::Path<(String, u32)>,
    state: State,
    body: web::Json<Value>,
) -> HttpResponse {
    let (slug, question) = path.into_inner();
    let question = QuestionId(question);
    let changed = async {
        let ChangeQuestion {
            pinned,
            hidden,
            approved,
        } = words(body.into_inner())?;
        // What has been seen cannot be unseen: `hidden` is the word for that.
        if approved == Some(false) {
            return Err(RefusalCode::Invalid.into());
        }
        let commands = [
            pinned.map(|pinned| Command::PinQuestion { question, pinned }),
            hidden.map(|hidden| Command::HideQuestion { question, hidden }),
            approved.map(|_| Command::ApproveQuestion { question }),
        ];
        for command in commands.into_iter().flatten() {
            act(&request, &state, &slug, command).await?;
        }
        Ok(Done { success: true })
    };
    answer(StatusCode::OK, changed.await)
}

async fn take_back(
    request: HttpRequest,
    path: web::Path<(String, u32)>,
    state: State,
) -> HttpResponse {
    let (slug, question) = path.into_inner();
    let question = QuestionId(question);
    let gone = act(
        &request,
        &state,
        &slug,
        Command::TakeBackQuestion { question },
    )
    .await;
    answer(StatusCode::OK, gone.map(|_| Done { success: true }))
}

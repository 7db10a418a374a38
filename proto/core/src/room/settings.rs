//! How the room is set up, and saving that for others.

use conclave_wire::{
    Event, ParticipantId, Permission, RefusalCode, Role, Settings, Template, command::Reply,
    model::SETTINGS_VERSION,
};

use super::{
    CameraOrder, Effect, KEEP_HOURS_MAX, Outbox, Outcome, Room, Title, text::TemplateName,
};
use crate::{Now, study::pomodoro::check_plan};

impl Room {
    pub(super) fn change_settings(
        &mut self,
        settings: Settings,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        check_settings(&settings, self.limits.members_max)?;
        if (settings.members_max as usize) < self.roster.seats.len() {
            return Err(RefusalCode::Invalid);
        }
        if settings == self.settings {
            return Ok(());
        }
        self.settings = settings.clone();
        self.tell(Event::SettingsChanged { settings }, out);
        self.record_room(out);
        self.replan(now, out);
        self.withdraw_film(now, out);
        out.push(Effect::Camera(CameraOrder::Quiet(
            self.settings.quiet_company,
        )));
        self.withdraw(now, out);
        if !self.settings.waiting_room {
            // Who finds no room waits on for somebody to leave, or for the end of their time.
            self.admit_all(now, out).ok();
        }
        Ok(())
    }

    pub(super) fn retitle(&mut self, title: Title, out: &mut Outbox) {
        if self.title == title.as_str() {
            return;
        }
        self.title = title.into_string();
        let title = self.title.clone();
        self.tell(Event::RoomRetitled { title }, out);
        self.record_room(out);
    }

    pub(super) fn save_template(
        &mut self,
        seat: ParticipantId,
        reference: u32,
        name: TemplateName,
        out: &mut Outbox,
    ) -> Outcome {
        let template = Template {
            name: name.into_string(),
            settings: self.settings.clone(),
            time_limit_ms: None,
        };
        out.push(Effect::SaveTemplate {
            seat,
            reference,
            template: Box::new(template),
            owner: self.template_owner(seat),
        });
        Outcome::Later
    }

    pub(super) fn delete_template(
        &mut self,
        seat: ParticipantId,
        reference: u32,
        name: TemplateName,
        out: &mut Outbox,
    ) -> Outcome {
        out.push(Effect::DeleteTemplate {
            seat,
            reference,
            name: name.into_string(),
            owner: self.template_owner(seat),
        });
        Outcome::Later
    }

    /// By what somebody is known again as who has saved a template: their program, or the room where that has no
    /// secret.
    fn template_owner(&self, seat: ParticipantId) -> [u8; 32] {
        let seat = self.roster.seats.get(&seat);
        seat.and_then(|seat| seat.device_hash)
            .unwrap_or(self.host_key_hash)
    }

    /// What came of [`Effect::SaveTemplate`] or [`Effect::DeleteTemplate`].
    pub fn template_saved(
        &mut self,
        seat: ParticipantId,
        reference: u32,
        saved: Result<(), RefusalCode>,
        out: &mut Outbox,
    ) {
        let result = saved.map(|()| Reply::Nothing).map_err(Into::into);
        self.answer_later(seat, reference, result, out);
    }

    /// Whether a newcomer of this role may not switch the microphone on by themselves.
    pub(super) fn holds_on_entry(&self, role: Role) -> bool {
        self.settings.muted_on_entry && !self.settings.may_unmute && role > Role::Presenter
    }

    /// Everybody who may do something now, and one more.
    pub(super) fn those_who_may(
        &self,
        what: Permission,
        and: Option<ParticipantId>,
    ) -> super::Audience {
        let ids = self.roster.seats.keys().copied();
        super::Audience::These(
            ids.filter(|id| Some(*id) == and || self.may(*id, what))
                .collect(),
        )
    }
}

/// Settings that a room may have.
///
/// # Errors
/// `SettingsVersion` for those of a newer version; `Invalid`: newcomers who would be hosts, a number of
/// members that is 0 or above the server's; `TimerPlanInvalid`.
pub fn check_settings(settings: &Settings, members_max: u32) -> Result<(), RefusalCode> {
    if settings.version > SETTINGS_VERSION {
        return Err(RefusalCode::SettingsVersion);
    }
    let newcomers = !matches!(settings.newcomers, Role::Host | Role::CoHost);
    let members = (1..=members_max).contains(&settings.members_max);
    if let Some(plan) = &settings.timer {
        check_plan(plan)?;
    }
    let keep = settings.keep_hours <= KEEP_HOURS_MAX;
    match settings.version > 0 && newcomers && members && keep {
        true => Ok(()),
        false => Err(RefusalCode::Invalid),
    }
}

//! What the program is started with.

use clap::{Parser, Subcommand, ValueEnum};

/// Meetings on a network of your own.
#[derive(Debug, Parser)]
#[command(name = "conclave", version)]
pub struct Args {
    /// A join link: `conclave://…` or `https://…`.
    pub link: Option<String>,
    /// Begin in the tray.
    #[arg(long)]
    pub hidden: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Switches the microphone of the Conclave that runs: for shortcuts of the desktop.
    Ptt { what: Ptt },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Ptt {
    /// The key is held down.
    On,
    /// The key is let go.
    Off,
    Toggle,
    Mute,
}

impl Args {
    /// What to tell a Conclave that runs already.
    pub fn word(&self) -> Option<String> {
        Some(match (&self.command, &self.link) {
            (Some(Command::Ptt { what }), _) => match what {
                Ptt::On => "ptt on".to_owned(),
                Ptt::Off => "ptt off".to_owned(),
                Ptt::Toggle => "ptt toggle".to_owned(),
                Ptt::Mute => "ptt mute".to_owned(),
            },
            (None, Some(link)) => format!("open {link}"),
            (None, None) => "show".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_and_a_switch_are_told_to_the_one_that_runs() {
        let word = |words: &[&str]| Args::try_parse_from(words).unwrap().word().unwrap();
        assert_eq!(word(&["conclave"]), "show");
        assert_eq!(word(&["conclave", "ptt", "toggle"]), "ptt toggle");
        assert_eq!(word(&["conclave", "ptt", "mute"]), "ptt mute");
        let link = "conclave://10.0.0.7/r/physics#k=x";
        assert_eq!(word(&["conclave", link]), format!("open {link}"));
        assert!(Args::try_parse_from(["conclave", "ptt", "loud"]).is_err());
    }
}

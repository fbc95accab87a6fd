//! What could be better: texts that are missing, secrets in the open, waivers that time has made wrong.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::diagnostic::{Diagnostic, Level};
use crate::manifest::Manifest;
use crate::manifest::model::Point;
use crate::manifest::scalar::{Entries, Text, Variable};

/// Days that a waiver may last.
const LONGEST_WAIVER: i32 = 90;
/// So many points are named one by one; more are counted, unless all are asked for.
const NAMED: usize = 3;

/// How much to say, and how seriously.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Missing `need` and `runbook` are errors.
    pub strict: bool,
    /// Every point is named, not only counted.
    pub all: bool,
}

/// All of it.
pub fn advice(manifest: &Manifest, now: Timestamp, manner: Manner) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    waivers(manifest, now.to_zoned(TimeZone::UTC).date(), &mut problems);
    secrets(manifest, &mut problems);
    texts(manifest, Wanted::Need, manner, &mut problems);
    texts(manifest, Wanted::Runbook, manner, &mut problems);
    let points = &manifest.document.points;
    let unproven = points.iter().filter(|(_, point)| point.prove.is_none()).count();
    if unproven > 0 {
        let message = format!(
            "{unproven} of {} points have no `prove`: nothing shows yet that they can go red",
            points.len()
        );
        problems.push(Diagnostic::warning(message));
    }
    problems
}

fn waivers(manifest: &Manifest, today: Date, problems: &mut Vec<Diagnostic>) {
    for waiver in &manifest.document.waivers {
        let until = waiver.until.value.0;
        let Ok(left) = today.until(until) else { continue };
        let place = manifest.sources.place(waiver.until.mark);
        let what = format!("{} in {}", waiver.point.value, waiver.dc.value);
        if left.get_days() > LONGEST_WAIVER {
            let message =
                format!("{what} is waived for {} days, the longest is {LONGEST_WAIVER}", left.get_days());
            problems
                .push(Diagnostic::error(message).at(place).fix("choose an earlier day, and renew it then"));
        } else if until < today {
            let message = format!("the waiver of {what} ended {} days ago", -left.get_days());
            problems.push(Diagnostic::warning(message).at(place).fix("remove it, or renew it"));
        }
    }
}

/// A text that every point should have.
#[derive(Clone, Copy)]
enum Wanted {
    Need,
    Runbook,
}

impl Wanted {
    fn key(self) -> &'static str {
        match self {
            Wanted::Need => "need",
            Wanted::Runbook => "runbook",
        }
    }

    fn is_in(self, point: &Point) -> bool {
        match self {
            Wanted::Need => point.need.is_some(),
            Wanted::Runbook => point.runbook.is_some(),
        }
    }

    /// What comes of it when it is missing.
    fn otherwise(self, manifest: &Manifest, point: &Point) -> String {
        match self {
            Wanted::Need => {
                let document = &manifest.document;
                let group = document.groups.get(&point.group);
                let owner = point.owner.as_ref().or_else(|| group.and_then(|group| group.owner.as_ref()));
                let team = owner.and_then(|owner| document.teams.get(owner));
                let name = team.map_or("its owner", |team| &team.name.value);
                format!("the ticket to {name} will have no text")
            }
            Wanted::Runbook => "who is called has no page to open".into(),
        }
    }
}

fn texts(manifest: &Manifest, wanted: Wanted, manner: Manner, problems: &mut Vec<Diagnostic>) {
    let key = wanted.key();
    let points = &manifest.document.points;
    let without: Vec<(&Text, &Point)> = points.iter().filter(|(_, point)| !wanted.is_in(point)).collect();
    if manner.strict || manner.all || without.len() <= NAMED {
        problems.extend(without.iter().map(|(id, point)| {
            let level = if manner.strict { Level::Error } else { Level::Warning };
            let message = format!("{} has no `{key}`; {}", id.value, wanted.otherwise(manifest, point));
            let problem = Diagnostic { level, ..Diagnostic::error(message) };
            problem.at(manifest.sources.place(id.mark)).fix(format!("add {key}: …"))
        }));
        return;
    }
    let names: Vec<&str> = without.iter().take(NAMED).map(|(id, _)| id.value.as_str()).collect();
    let message =
        format!("{} of {} points have no `{key}` ({}, …)", without.len(), points.len(), names.join(", "));
    problems.push(Diagnostic::warning(message).fix("`mdd validate -v` names them all"));
}

/// Secrets written out, in commands and in variables.
fn secrets(manifest: &Manifest, problems: &mut Vec<Diagnostic>) {
    let document = &manifest.document;
    let mut warn = |text: &Text, message: String| {
        let fix =
            "keep it in a file: `secrets`, and the plugin's --password-file \"${secret.NAME}\" or the like";
        problems.push(Diagnostic::warning(message).at(manifest.sources.place(text.mark)).fix(fix));
    };
    let templates = document.templates.iter().map(|(_, template)| vec![&template.check]);
    let points = document.points.iter().map(|(_, point)| vec![&point.check, &point.extra]);
    for arguments in templates.chain(points) {
        let arguments: Vec<&Text> = arguments.into_iter().flatten().collect();
        for (index, argument) in arguments.iter().enumerate() {
            if let Some(option) = secret_option(argument, arguments.get(index + 1).copied()) {
                warn(
                    argument,
                    format!("`{option}` puts a secret on the command line, where everyone sees it"),
                );
            }
            if has_password(argument) {
                warn(argument, "a password in an address is seen by everyone".into());
            }
        }
    }
    let of_datacenters = document.datacenters.iter().map(|(_, datacenter)| &datacenter.vars);
    let of_points = document.points.iter().map(|(_, point)| &point.vars);
    for (name, variable) in
        [&document.vars].into_iter().chain(of_datacenters).chain(of_points).flat_map(Entries::iter)
    {
        if matches!(variable, Variable::Text(text) if has_password(text)) {
            warn(name, format!("`{}` holds an address with a password", name.value));
        }
    }
}

/// The option's name when what follows is a secret written out.
fn secret_option<'a>(argument: &'a str, next: Option<&Text>) -> Option<&'a str> {
    let (option, value) = match argument.split_once('=') {
        Some((option, value)) => (option, Some(value)),
        None => (argument, next.map(|next| next.value.as_str())),
    };
    let value = value.filter(|value| !value.is_empty() && !value.starts_with("${secret."))?;
    let name = option.strip_prefix("--");
    let login = matches!(option, "-a" | "-b" | "--authorization" | "--proxy-authorization" | "--auth");
    if login {
        let (user, password) = value.split_once(':')?;
        let plain = |part: &str| !part.is_empty() && !part.contains(['/', ' ', ':']);
        return (plain(user) && plain(password)).then_some(option);
    }
    let name = name?.to_ascii_lowercase();
    let last = name.rsplit('-').next().unwrap_or("");
    let secret =
        matches!(last, "password" | "passwd" | "pass" | "passphrase" | "token" | "secret" | "apikey")
            || ["api-key", "access-key", "secret-key"].iter().any(|key| name.ends_with(key));
    (secret && !value.starts_with("--")).then_some(option)
}

/// `scheme://user:pass@host`
fn has_password(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or("");
        let login = authority.rsplit_once('@').map(|(login, _)| login);
        login.and_then(|login| login.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_recognised_by_their_option_or_address() {
        let next = |text: &str| Text { value: text.into(), mark: crate::manifest::source::Mark::default() };
        for (option, value, expected) in [
            ("--password", "hunter2", true),
            ("--bind-password", "${pw}", true),
            ("--password-file", "/etc/x", false),
            ("--password", "${secret.x}", false),
            ("--token", "abc", true),
            ("--api-key", "abc", true),
            ("-a", "user:pass", true),
            ("-a", "sshd", false),
            ("-a", "http://x", false),
            ("--url", "https://x", false),
        ] {
            assert_eq!(secret_option(option, Some(&next(value))).is_some(), expected, "{option} {value}");
        }
        assert_eq!(secret_option("--token=abc", None), Some("--token"));
        assert_eq!(secret_option("--token", None), None);
        assert!(has_password("amqp://u:p@h/v"));
        assert!(!has_password("amqps://mdd@mq.example.net/quay"));
        assert!(!has_password("https://h:6443/a@b:c"));
    }
}

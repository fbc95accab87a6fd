//! The one list of all plugins: the documents, the contract tests and the multi-call program are made of it.

use std::ffi::OsString;
use std::process::ExitCode;

/// A plugin, with all that can be asked of it without knowing its type.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    library: &'static str,
    /// The whole program, from its command line (its name first) to its exit code.
    pub run: fn(&[OsString]) -> ExitCode,
    /// Its command line under a name, the options of every plugin included.
    pub command: fn(&str) -> clap::Command,
    /// The C plugins that it stands in for.
    pub namesakes: &'static [&'static str],
    /// The state of a failure in the C dialect.
    pub c_state: fn(plugin::Reason) -> plugin::State,
    /// Arguments of a run that is OK on any host; see [`plugin::Check::SAMPLE`].
    pub sample: &'static [&'static str],
}

impl Entry {
    /// Its name: `check-tcp`.
    pub fn name(&self) -> String {
        self.library.replace('_', "-")
    }

    /// Every name it answers to, its own first: `check-tcp`, `check_tcp`, `check_ftp`.
    pub fn names(&self) -> Vec<String> {
        std::iter::once(self.name()).chain(self.namesakes.iter().map(ToString::to_string)).collect()
    }

    /// What it checks, in half a sentence.
    pub fn about(&self) -> String {
        (self.command)(&self.name()).get_about().map(ToString::to_string).unwrap_or_default()
    }
}

/// The entry of `plugins/check-thing`: its library is `check_thing`.
macro_rules! plugin {
    ($library:ident::$check:ident) => {
        Entry {
            library: stringify!($library),
            run: plugin::run::<$library::$check>,
            command: plugin::command::<$library::$check>,
            namesakes: <$library::$check as plugin::Check>::NAMESAKES,
            c_state: <$library::$check as plugin::Check>::c_state,
            sample: <$library::$check as plugin::Check>::SAMPLE,
        }
    };
}

/// All plugins, by name. One line each; `cargo xtask new` adds one.
pub const PLUGINS: &[Entry] = &[
    plugin!(check_disk::CheckDisk),
    plugin!(check_dns::CheckDns),
    plugin!(check_dummy::CheckDummy),
    plugin!(check_http::CheckHttp),
    plugin!(check_load::CheckLoad),
    plugin!(check_memory::CheckMemory),
    plugin!(check_ntp::CheckNtp),
    plugin!(check_ping::CheckPing),
    plugin!(check_procs::CheckProcs),
    plugin!(check_tcp::CheckTcp),
    plugin!(check_tls::CheckTls),
];

/// The plugin that answers to this name, its own or a namesake's.
pub fn find(name: &str) -> Option<&'static Entry> {
    PLUGINS.iter().find(|entry| entry.name() == name || entry.namesakes.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::{PLUGINS, find};
    use std::collections::HashSet;

    #[test]
    fn every_name_belongs_to_one_plugin() {
        let names: Vec<String> = PLUGINS.iter().flat_map(super::Entry::names).collect();
        let distinct: HashSet<&String> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
        for name in &names {
            assert!(find(name).is_some_and(|entry| entry.names().contains(name)), "{name}");
        }
        assert!(find("check-nothing").is_none());
    }

    #[test]
    fn clap_finds_no_contradiction_in_any_command_line() {
        for entry in PLUGINS {
            for name in entry.names() {
                (entry.command)(&name).debug_assert();
            }
            assert!(!entry.about().is_empty(), "{} does not say what it checks", entry.name());
            assert!(entry.namesakes.iter().all(|name| name.starts_with("check_")), "{}", entry.name());
        }
    }
}

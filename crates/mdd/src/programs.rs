//! Programs of checks: which names may be started, and where they are found.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where distributions put plugins.
const SYSTEM: [&str; 3] =
    ["/usr/lib/nagios/plugins", "/usr/lib64/nagios/plugins", "/usr/lib/monitoring-plugins"];

/// Programs that run what their arguments say: allowing one allows everything.
const INTERPRETERS: [&str; 27] = [
    "ash", "awk", "bash", "busybox", "csh", "dash", "doas", "env", "eval", "expect", "find", "fish", "gawk",
    "ksh", "lua", "mksh", "node", "perl", "php", "python", "rbash", "ruby", "sh", "sudo", "tcsh", "xargs",
    "zsh",
];

/// Wrappers that start another program named in their arguments.
const WRAPPERS: [&str; 9] =
    ["chroot", "nice", "nohup", "nsenter", "setsid", "ssh", "su", "timeout", "unshare"];

/// The folders that programs are looked for in, in order.
#[derive(Debug, Clone)]
pub struct Programs {
    folders: Vec<PathBuf>,
}

impl Programs {
    /// The given folders, then `$MDD_PLUGIN_PATH`, then the folder of mdd's own executable, then the distribution's.
    pub fn new(given: &[PathBuf]) -> Self {
        let mut folders = given.to_vec();
        if let Some(path) = std::env::var_os("MDD_PLUGIN_PATH") {
            folders.extend(std::env::split_paths(&path).filter(|folder| !folder.as_os_str().is_empty()));
        }
        let own = std::env::current_exe().ok();
        folders.extend(own.as_deref().and_then(Path::parent).map(Path::to_path_buf));
        folders.extend(SYSTEM.iter().map(PathBuf::from));
        Programs { folders }
    }

    /// Exactly these folders.
    pub fn only(folders: Vec<PathBuf>) -> Self {
        Programs { folders }
    }

    /// The first executable file of that name. A name with a slash is never found.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        if name.is_empty() || name.contains('/') {
            return None;
        }
        self.folders.iter().map(|folder| folder.join(name)).find(|path| {
            path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        })
    }

    /// The folders, in order, for messages.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }
}

/// Whether `programs` of a manifest lets this name be started: its entries are names, `*` matches any rest.
pub fn allowed(patterns: &[String], name: &str) -> bool {
    refusal(name).is_none() && patterns.iter().any(|pattern| crate::select::glob(pattern, name))
}

/// Why a name can never be started, whatever `programs` says.
pub fn refusal(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("the name is empty");
    }
    if name.contains('/') {
        return Some("a path; write the name, it is found in the plugin folders");
    }
    // python3.11, perl5, lua5.4
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if INTERPRETERS.contains(&stem) || WRAPPERS.contains(&stem) {
        return Some("it starts whatever its arguments say; write a plugin instead");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_allowed_by_name_or_prefix_and_never_as_path_or_shell() {
        let patterns = vec!["check-*".to_owned(), "canary-app".to_owned()];
        assert!(allowed(&patterns, "check-http"));
        assert!(allowed(&patterns, "canary-app"));
        assert!(!allowed(&patterns, "canary-app2"));
        assert!(!allowed(&["*".to_owned()], "bash"));
        assert!(!allowed(&["*".to_owned()], "python3.11"));
        assert!(!allowed(&["*".to_owned()], "/usr/bin/check-http"));
        assert!(!allowed(&["*".to_owned()], ""));
    }

    #[test]
    fn the_first_executable_wins_and_plain_files_do_not_count() {
        let root = tempfile::tempdir().unwrap();
        let (a, b) = (root.path().join("a"), root.path().join("b"));
        for folder in [&a, &b] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("check-x"), "").unwrap();
        }
        let programs = Programs::only(vec![a.clone(), b.clone()]);
        assert_eq!(programs.find("check-x"), None);
        std::fs::set_permissions(b.join("check-x"), std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(programs.find("check-x"), Some(b.join("check-x")));
        assert_eq!(programs.find("../b/check-x"), None);
    }
}

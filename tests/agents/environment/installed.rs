//! The plugins as a package installs them: under every name, where every user may start them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use catalog::PLUGINS;
use tempfile::TempDir;
use testkit::{Run, plugin, run};

/// A folder of plugins, removed on drop.
pub struct Installed(TempDir);

impl Installed {
    /// All of them; check-ping may send packets, as the Debian package lets it.
    pub fn new() -> Installed {
        let folder = TempDir::with_prefix("verdigris-plugins-").expect("make a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("open the folder");
        let installed = Installed(folder);
        for entry in PLUGINS {
            let program = installed.path(&entry.name());
            fs::copy(plugin(&entry.name()), &program).expect("copy a plugin");
            for name in entry.namesakes {
                symlink(entry.name(), installed.path(name)).expect("link a plugin");
            }
        }
        let given = run("setcap", [Path::new("cap_net_raw=ep"), &installed.path("check-ping")]);
        assert_eq!(given.code, Some(0), "setcap, which needs root: {given:?}");
        installed
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// The program of this name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A run of this name as a user who may do nothing, in `/`, with these variables and no others.
    pub fn unprivileged(&self, name: &str, environment: &[&str]) -> Run {
        let user = ["--reuid=nobody", "--regid=nogroup", "--clear-groups", "/usr/bin/env", "-i", "-C", "/"];
        Run::new("/usr/bin/setpriv").args(user).args(environment).args([self.path(name)])
    }
}

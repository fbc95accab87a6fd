//! The Sensu asset: an archive that an agent unpacks and puts on the path of a check, its checksum and its definition.

use super::stage::Stage;
use super::{DOCUMENTS, Linkage, Programs, Release, VERSION};
use crate::shell::{self, Result, command};
use std::path::{Path, PathBuf};

/// Makes the archive, `…_sha512-checksums.txt` and `asset.yaml`. An agent finds programs in `bin/` at the top only.
///
/// Its plugins have their own names alone: a check says which command line it has by the name it calls, and a link called
/// `check_http` on the path would stand for another program than the one that the host's other checks call by this name.
pub fn make(release: &Release, programs: &Programs, staging: &Path, out: &Path) -> Result<PathBuf> {
    let base = format!("verdigris-plugins_{VERSION}");
    let name = format!("{base}_linux_{}.tar.gz", release.arch);
    let stage = Stage::new(&staging.join("asset"), release)?;
    stage.programs(programs.plugins.iter().map(PathBuf::as_path), "bin")?;
    for document in DOCUMENTS {
        stage.file(&shell::root().join(document), document)?;
    }
    let archive = stage.tar(&out.join(&name))?;

    let sum = shell::output_of(command("sha512sum", &["--", &name]).current_dir(out))?;
    let sha512 = sum.split(' ').next().filter(|hash| hash.len() == 128);
    let sha512 = sha512.ok_or_else(|| format!("sha512sum says `{}` of {name}", sum.trim()))?;
    write(&out.join(format!("{base}_sha512-checksums.txt")), &sum)?;
    let template = shell::root().join("packaging/asset/asset.yaml");
    let template = std::fs::read_to_string(&template).map_err(|error| format!("packaging/asset: {error}"))?;
    let build = build(release, &programs.linkage, &name, sha512);
    write(&out.join("asset.yaml"), &template.replace("@BUILDS@\n", &build))?;
    Ok(archive)
}

/// A base for URLs that an agent can fetch from, without a slash at its end.
pub fn url_base(text: &str) -> Result<String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = |c: char| c.is_ascii_graphic() && !"'\"\\<>{}|^`".contains(c);
    if host.is_some_and(|host| !host.is_empty() && !host.starts_with('/') && host.chars().all(plain)) {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err(format!("--url-base {text}: neither https://HOST… nor http://HOST…"))
}

/// One entry of `spec.builds`.
fn build(release: &Release, linkage: &Linkage, name: &str, sha512: &str) -> String {
    let filters: Vec<String> =
        filters(release.arch, linkage).iter().map(|filter| format!("    - \"{filter}\"\n")).collect();
    format!(
        "  - url: '{}/{name}'\n    sha512: {sha512}\n    filters:\n{}",
        release.url_base,
        filters.concat()
    )
}

/// What must hold of an agent's host, in the JavaScript of Sensu. An agent's `arch` is that of Go.
fn filters(arch: &str, linkage: &Linkage) -> Vec<String> {
    let mut filters = vec!["entity.system.os == 'linux'".into(), format!("entity.system.arch == '{arch}'")];
    if matches!(linkage, Linkage::Dynamic(_)) {
        filters.push("entity.system.libc_type == 'glibc'".into());
    }
    filters
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| format!("write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::*;

    fn release() -> Release {
        let url_base = "https://assets.example.net".into();
        Release { arch: "amd64", epoch: 0, profile: Profile::Release, url_base }
    }

    #[test]
    fn a_build_has_filters_that_fit_its_programs() {
        assert_eq!(
            build(&release(), &Linkage::Static, "a.tar.gz", "0f"),
            "  - url: 'https://assets.example.net/a.tar.gz'\n    sha512: 0f\n    filters:\n    - \"entity.system.os == 'linux'\"\n    \
             - \"entity.system.arch == 'amd64'\"\n"
        );
        let libraries = ["libc.so.6".to_owned()].into();
        let last = filters("arm64", &Linkage::Dynamic(libraries)).pop();
        assert_eq!(last.as_deref(), Some("entity.system.libc_type == 'glibc'"));
    }

    #[test]
    fn bases_that_no_agent_can_fetch_from_are_refused() {
        assert_eq!(url_base("https://a.example/x/"), Ok("https://a.example/x".into()));
        assert_eq!(url_base("http://a.example:8080"), Ok("http://a.example:8080".into()));
        for wrong in [
            "",
            "a.example",
            "ftp://a.example",
            "https://",
            "https:///x",
            "https://a b",
            "https://a'b",
            "https://{{",
        ] {
            assert!(url_base(wrong).is_err(), "{wrong}");
        }
    }

    /// Bonsai makes a definition of its own from this file, at the root of the repository.
    #[test]
    fn bonsai_is_told_the_same_names_and_filters() {
        let text = std::fs::read_to_string(shell::root().join(".bonsai.yml")).unwrap();
        for filter in filters("amd64", &Linkage::Static) {
            assert!(text.contains(&format!("  - \"{filter}\"\n")), "{filter}");
        }
        assert!(text.contains("\"verdigris-plugins_#{version}_linux_amd64.tar.gz\""));
        assert!(text.contains("\"verdigris-plugins_#{version}_sha512-checksums.txt\""));
        assert!(text.contains("  filter:\n") && !text.contains("filters"));
    }
}

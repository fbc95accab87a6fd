//! The Debian package: plugins where the distribution has its own, under names that it does not use.

use super::stage::Stage;
use super::{DOCUMENTS, Linkage, Profile, Programs, REPOSITORY, Release, VERSION, agents};
use crate::shell::{self, Result, command};
use std::path::{Path, PathBuf};

const PLUGINS: &str = "usr/lib/nagios/plugins";
const DOC: &str = "usr/share/doc/verdigris";
const SHARE: &str = "usr/share/verdigris";

/// Makes `verdigris_VERSION_ARCH.deb`, as root or not.
pub fn make(release: &Release, programs: &Programs, staging: &Path, out: &Path) -> Result<PathBuf> {
    let stage = Stage::new(&staging.join("deb"), release)?;
    stage.programs(programs.plugins.iter().map(PathBuf::as_path), PLUGINS)?;
    stage.programs([programs.mdd.as_path()], "usr/bin")?;
    documents(&stage, release.epoch)?;
    agents(&stage, SHARE)?;
    let size = installed_kib(&stage)?;
    let sums = md5sums(&stage)?;
    let depends = match programs.linkage {
        Linkage::Static => String::new(),
        Linkage::Dynamic(_) => shared_libraries(release, programs, staging)?,
    };
    stage.text(&control(&template("control")?, release.arch, &depends, size), "DEBIAN/control", 0o644)?;
    stage.text(&sums, "DEBIAN/md5sums", 0o644)?;
    stage.text(&template("postinst")?, "DEBIAN/postinst", 0o755)?;
    stage.seal()?;

    let package = out.join(format!("verdigris_{VERSION}_{}.deb", release.arch));
    let mut build = command("dpkg-deb", &["--root-owner-group"]);
    build.args(match release.profile {
        Profile::Release => ["-Zxz", "-z6"],
        Profile::Quick => ["-Zgzip", "-z1"],
    });
    build.env("SOURCE_DATE_EPOCH", release.epoch.to_string());
    shell::run(build.arg("--build").arg(stage.root()).arg(&package))?;
    Ok(package)
}

/// Licence, changes and the README, by Debian's names.
fn documents(stage: &Stage, epoch: u64) -> Result<()> {
    let [licence, readme, changelog] = DOCUMENTS.map(|name| shell::root().join(name));
    let text = std::fs::read_to_string(&licence).map_err(|error| format!("LICENSE: {error}"))?;
    stage.text(&copyright(&template("copyright")?, &text), &format!("{DOC}/copyright"), 0o644)?;
    stage.file(&readme, &format!("{DOC}/README.md"))?;
    stage.file(&changelog, &format!("{DOC}/CHANGELOG.md"))?;
    let text = template("changelog")?.replace("@VERSION@", VERSION).replace("@DATE@", &rfc_5322(epoch)?);
    stage.text(&text, &format!("{DOC}/changelog"), 0o644)?;
    stage.gzip(&format!("{DOC}/CHANGELOG.md"))?;
    stage.gzip(&format!("{DOC}/changelog"))
}

/// `Tue, 14 Nov 2023 22:13:20 +0000`.
fn rfc_5322(epoch: u64) -> Result<String> {
    let mut date = command("date", &["--utc", "--rfc-email", &format!("--date=@{epoch}")]);
    let text = shell::output_of(date.env("LC_ALL", "C"))?.trim().to_owned();
    if text.is_empty() { Err(format!("date cannot write the time {epoch}")) } else { Ok(text) }
}

fn template(name: &str) -> Result<String> {
    let path = shell::root().join("packaging/deb").join(name);
    std::fs::read_to_string(path).map_err(|error| format!("packaging/deb/{name}: {error}"))
}

fn control(template: &str, arch: &str, depends: &str, size: u64) -> String {
    // A field without a value is no field.
    let depends = if depends.is_empty() { String::new() } else { format!("Depends: {depends}\n") };
    let text = template.replace("Depends: @DEPENDS@\n", &depends).replace("@SIZE@", &size.to_string());
    text.replace("@VERSION@", VERSION).replace("@ARCH@", arch).replace("@HOMEPAGE@", REPOSITORY)
}

/// <https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/>: an empty line of a text is ` .`.
fn copyright(template: &str, licence: &str) -> String {
    let holder = licence.lines().find_map(|line| line.strip_prefix("Copyright (c) ")).unwrap_or_default();
    let body = licence.split_once("\n\nPermission ").map_or("", |(_, body)| body);
    let body: Vec<String> = format!("Permission {body}")
        .trim_end()
        .lines()
        .map(|line| if line.is_empty() { " .".into() } else { format!(" {line}") })
        .collect();
    let text =
        template.replace("@COPYRIGHT@", &format!("Copyright: {holder}")).replace("@HOMEPAGE@", REPOSITORY);
    text.replace("@LICENSE@", &body.join("\n"))
}

/// As `dpkg-gencontrol` counts: each file in whole KiB.
fn installed_kib(stage: &Stage) -> Result<u64> {
    let size = |file: PathBuf| {
        let path = stage.root().join(file);
        let data = std::fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(data.len().div_ceil(1024))
    };
    stage.files()?.into_iter().map(size).sum()
}

fn md5sums(stage: &Stage) -> Result<String> {
    let mut sum = command("md5sum", &["--"]);
    let files = stage.files()?;
    let text = shell::output_of(sum.args(&files).current_dir(stage.root()))?;
    if text.lines().count() == files.len() {
        Ok(text)
    } else {
        Err("md5sum could not read every file".into())
    }
}

/// What `dpkg-shlibdeps` finds: `libc6 (>= 2.34), libssl3 (>= 3.0.0)`.
fn shared_libraries(release: &Release, programs: &Programs, staging: &Path) -> Result<String> {
    // It wants to stand in a source package.
    let source = Stage::new(&staging.join("shlibdeps"), release)?;
    source.text("Source: verdigris\n\nPackage: verdigris\nArchitecture: any\n", "debian/control", 0o644)?;
    let mut find = command("dpkg-shlibdeps", &["-O"]);
    for program in programs.all() {
        find.arg("-e").arg(program);
    }
    let text = shell::output_of(find.current_dir(source.root()))?;
    let depends = text.trim().strip_prefix("shlibs:Depends=").filter(|depends| !depends.is_empty());
    depends.map(str::to_owned).ok_or_else(|| "dpkg-shlibdeps found no package for the libraries".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_file_has_every_field_and_no_empty_one() {
        let template = template("control").unwrap();
        let text = control(&template, "amd64", "libc6 (>= 2.34)", 7);
        assert!(
            text.starts_with(&format!("Package: verdigris\nVersion: {VERSION}\nArchitecture: amd64\n")),
            "{text}"
        );
        assert!(text.contains("\nInstalled-Size: 7\nDepends: libc6 (>= 2.34)\nRecommends: "), "{text}");
        let text = control(&template, "arm64", "", 7);
        assert!(
            text.contains("\nInstalled-Size: 7\nRecommends: ")
                && !text.contains('@'.to_string().repeat(2).as_str())
        );
        let lines = text.lines().filter(|line| line.contains('@'));
        assert!(lines.eq(text.lines().filter(|line| line.starts_with("Maintainer: "))), "{text}");
    }

    #[test]
    fn dates_are_those_of_a_debian_changelog() {
        assert_eq!(rfc_5322(1_700_000_000), Ok("Tue, 14 Nov 2023 22:13:20 +0000".into()));
    }

    #[test]
    fn the_licence_is_a_text_in_debians_form() {
        let licence = std::fs::read_to_string(shell::root().join("LICENSE")).unwrap();
        let text = copyright(&template("copyright").unwrap(), &licence);
        assert!(
            text.contains(
                "\nCopyright: 2026 The Verdigris contributors\nLicense: MIT\n\nLicense: MIT\n Permission is"
            ),
            "{text}"
        );
        assert!(
            text.contains("conditions:\n .\n The above")
                && text.ends_with(" SOFTWARE.\n")
                && !text.contains('@'),
            "{text}"
        );
    }
}

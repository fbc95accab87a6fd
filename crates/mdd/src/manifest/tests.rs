//! Literal manifests, and all that is said about them.

use std::path::Path;

use super::*;
use crate::plan::Dependency;

/// A manifest that holds together, to be broken.
const SMALL: &str = r#"mdd: 1
platform: {id: quay, title: Quay, owner: paas}
teams: {paas: {name: Platform}, net: {name: Network}}
milestones: {early: {title: Early}, late: {title: Late}}
datacenters:
  iad2: {title: Ashburn, due: {early: 2026-11-20, late: 2026-12-11}, vars: {domain: iad2.example.net, ns: [10.0.0.1, 10.0.0.2]}}
  sin1: {title: Singapore, vars: {domain: sin1.example.net, ns: [10.1.0.1]}}
vantages: {node: {milestone: early}}
defaults: {subscription: node}
groups: {dns: {title: DNS, owner: net}, app: {title: Apps, owner: paas}}
points:
  names:
    group: dns
    milestone: early
    title: Names resolve
    why: Nothing starts without.
    for_each: {server: "${ns}"}
    check: [check-dns, --server, "${server}", --name, "api.${domain}"]
  api:
    group: app
    milestone: late
    title: The API answers
    why: All use it.
    depends_on: [names]
    check: [check-http, --url, "https://api.${domain}/"]
"#;

/// Loads texts as files, the first as `mdd.yaml`; the manifest, or all that is said with paths cut to names.
fn load_files(files: &[(&str, &str)]) -> Result<Manifest, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let said = |problems: Vec<Diagnostic>| {
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        all.join("\n").replace(&format!("{}/", folder.path().display()), "")
    };
    let manifest = load(&folder.path().join("mdd.yaml"), &[]).map_err(said)?;
    let mut resolved = Vec::new();
    for (dc, datacenter) in manifest.document.datacenters.iter() {
        resolved.push(resolve::resolve(&manifest, dc, datacenter));
    }
    let problems = sorted(check::datacenters(&manifest, &resolved));
    if problems.is_empty() { Ok(manifest) } else { Err(said(problems)) }
}

/// The small manifest with replacements: what is said about it.
fn said(replacements: &[(&str, &str)]) -> String {
    let mut text = SMALL.to_owned();
    for (from, to) in replacements {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    load_files(&[("mdd.yaml", &text)]).err().unwrap_or_default()
}

#[test]
fn the_reference_holds_together() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reference.yaml");
    let manifest = load(&path, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let mut checks = 0;
    for dc in manifest.datacenters() {
        let plan = manifest.plan(dc).unwrap_or_else(|problems| panic!("{problems:#?}"));
        checks += plan.points.iter().map(|point| point.instances.len()).sum::<usize>();
    }
    assert_eq!(checks, 86);
}

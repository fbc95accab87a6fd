//! The engines of one datacenter: variables substituted, defaults filled in, what an engine cannot do refused.

use super::point::Here;
use crate::manifest::model::{self, Install};
use crate::manifest::scalar::Text;
use crate::manifest::vars::Problem;
use crate::plan::Stage;
use crate::plan::engines::Engines;

/// What the manifest says of the engines, for this datacenter.
pub fn engines(here: &mut Here<'_>, document: &model::Engines, stage: Stage) -> Engines {
    let mut engines = Engines::default();
    set(&mut engines.history, here.engine_text("history", document.history.as_ref()));
    set(&mut engines.manifest, here.engine_path("manifest", document.manifest.as_ref()));
    set(&mut engines.state, here.engine_path("state", document.state.as_ref()));
    if let Some(text) = &document.history {
        name_or_find(here, "history", text, &engines.history);
    }
    if let Some(own) = &document.sensu_go {
        sensu_go(here, own, stage, &mut engines);
    }
    if let Some(own) = &document.sensu_classic {
        let to = &mut engines.sensu_classic;
        to.handlers = here.engine_texts("sensu-classic: handlers", &own.handlers);
        set(&mut to.plugin_dir, here.engine_path("sensu-classic: plugin_dir", own.plugin_dir.as_ref()));
        package_only(here, "sensu-classic", own.install.as_ref());
    }
    if let Some(own) = &document.nagios {
        nagios(here, own, &mut engines);
    }
    if let Some(own) = &document.nrpe {
        let path = here.engine_path("nrpe: plugin_dir", own.plugin_dir.as_ref());
        set(&mut engines.nrpe.plugin_dir, path);
        package_only(here, "nrpe", own.install.as_ref());
    }
    if let Some(own) = &document.icinga2 {
        let to = &mut engines.icinga2;
        set(&mut to.plugin_dir, here.engine_path("icinga2: plugin_dir", own.plugin_dir.as_ref()));
        to.parent_zone = here.engine_text("icinga2: parent_zone", own.parent_zone.as_ref());
        to.host_template = here.engine_text("icinga2: host_template", own.host_template.as_ref());
        to.service_template = here.engine_text("icinga2: service_template", own.service_template.as_ref());
        package_only(here, "icinga2", own.install.as_ref());
    }
    engines
}

fn sensu_go(here: &mut Here<'_>, own: &model::SensuGo, stage: Stage, engines: &mut Engines) {
    let to = &mut engines.sensu_go;
    set(&mut to.namespace, here.engine_text("sensu-go: namespace", own.namespace.as_ref()));
    to.pipelines = here.engine_texts("sensu-go: pipelines", &own.pipelines);
    to.handlers = here.engine_texts("sensu-go: handlers", &own.handlers);
    to.metric_handlers = here.engine_texts("sensu-go: metric_handlers", &own.metric_handlers);
    set(&mut to.plugin_dir, here.engine_path("sensu-go: plugin_dir", own.plugin_dir.as_ref()));
    // An asset is fetched by the agent, perhaps through the very proxy that a check tests; when it cannot be had the
    // check never runs. A datacenter that is not live takes the package.
    let install = own.install.as_ref().map(|install| install.value);
    if matches!(install, Some(Install::Asset)) && stage == Stage::Live {
        let name = here.engine_text("sensu-go: asset", own.asset.as_ref());
        to.asset = Some(name.unwrap_or_else(|| "verdigris-plugins".to_owned()));
    }
}

fn nagios(here: &mut Here<'_>, own: &model::Nagios, engines: &mut Engines) {
    let to = &mut engines.nagios;
    to.vantage = here.engine_text("nagios: vantage", own.vantage.as_ref());
    to.host_template = here.engine_text("nagios: host_template", own.host_template.as_ref());
    to.service_template = here.engine_text("nagios: service_template", own.service_template.as_ref());
    set(&mut to.plugin_dir, here.engine_text("nagios: plugin_dir", own.plugin_dir.as_ref()));
    to.plugin_dir.truncate(to.plugin_dir.trim_end_matches('/').len());
    set(&mut to.notify_host, here.engine_text("nagios: notify_host", own.notify_host.as_ref()));
    set(&mut to.notify_service, here.engine_text("nagios: notify_service", own.notify_service.as_ref()));
    package_only(here, "nagios", own.install.as_ref());
    if let (Some(text), Some(version)) =
        (&own.min_version, here.engine_text("nagios: min_version", own.min_version.as_ref()))
    {
        to.min_version = parse_version(&version);
        if to.min_version.is_none() {
            let problem = Problem::Other(
                format!("nagios: min_version `{version}` is no version"),
                "write it as \"4.4.6\"".to_owned(),
            );
            here.engine_problem("min_version", text.mark, problem);
        }
    }
}

/// Only Sensu Go's agents fetch programs themselves.
fn package_only(here: &mut Here<'_>, engine: &str, install: Option<&model::Spanned<Install>>) {
    let Some(install) = install.filter(|install| matches!(install.value, Install::Asset)) else { return };
    let problem = Problem::Other(
        format!("{engine} has no assets"),
        "write install: package; only sensu-go fetches assets".to_owned(),
    );
    here.engine_problem("install", install.mark, problem);
}

/// A subscription goes into names and labels of every engine.
fn name_or_find(here: &mut Here<'_>, part: &str, text: &Text, name: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        return;
    }
    let problem = Problem::Other(
        format!("`{name}` cannot be the name of a vantage point"),
        "letters, digits, `_`, `.` and `-`".to_owned(),
    );
    here.engine_problem(part, text.mark, problem);
}

fn set(to: &mut String, value: Option<String>) {
    if let Some(value) = value {
        *to = value;
    }
}

fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.splitn(3, '.').map(|part| part.parse::<u32>().ok());
    let version = (parts.next()??, parts.next().unwrap_or(Some(0))?, parts.next().unwrap_or(Some(0))?);
    Some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_up_to_three_numbers() {
        assert_eq!(parse_version("4.4.6"), Some((4, 4, 6)));
        assert_eq!(parse_version("4"), Some((4, 0, 0)));
        assert_eq!(parse_version("4.x"), None);
        assert_eq!(parse_version(""), None);
    }
}

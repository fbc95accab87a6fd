//! The monitoring engines that a datacenter's checks are given to.

/// Monitoring engines of one datacenter, with defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engines {
    /// Vantage point (or a subscription of its own) whose machine keeps the history and runs the roll-up checks.
    pub history: String,
    /// Where the manifest lies on that machine, and on every agent of `--style exec`.
    pub manifest: String,
    /// Where the history lies on that machine.
    pub state: String,
    /// Sensu Go.
    pub sensu_go: SensuGo,
    /// Sensu Classic.
    pub sensu_classic: SensuClassic,
    /// Nagios Core.
    pub nagios: Nagios,
    /// NRPE.
    pub nrpe: Nrpe,
    /// Icinga 2.
    pub icinga2: Icinga2,
}

/// Sensu Go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensuGo {
    /// Namespace of the datacenter's checks.
    pub namespace: String,
    /// Pipelines that handle what may page somebody.
    pub pipelines: Vec<String>,
    /// Handlers that do the same.
    pub handlers: Vec<String>,
    /// Handlers of metrics.
    pub metric_handlers: Vec<String>,
    /// The programs come from this asset; from the distribution's package when none.
    pub asset: Option<String>,
    /// Folder of the plugins on an agent, without a slash at its end, when they come from the package.
    pub plugin_dir: String,
}

/// Sensu Classic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensuClassic {
    /// Handlers of what may page somebody.
    pub handlers: Vec<String>,
    /// Folder of the plugins on an agent, without a slash at its end.
    pub plugin_dir: String,
}

/// Nagios Core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nagios {
    /// The vantage point that the Nagios server itself is; only its points are run directly. When none, all are.
    pub vantage: Option<String>,
    /// Folder of the plugins, or a macro such as `$USER1$`, without a slash at its end.
    pub plugin_dir: String,
    /// Oldest version that has to read the export.
    pub min_version: Option<(u32, u32, u32)>,
    /// Template that hosts use.
    pub host_template: Option<String>,
    /// Template that services use.
    pub service_template: Option<String>,
    /// Command that notifies a contact of a host.
    pub notify_host: String,
    /// Command that notifies a contact of a service.
    pub notify_service: String,
}

/// NRPE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nrpe {
    /// Folder of the plugins on an agent, without a slash at its end.
    pub plugin_dir: String,
}

/// Icinga 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Icinga2 {
    /// Folder of the plugins on an endpoint, without a slash at its end.
    pub plugin_dir: String,
    /// Zone of the masters, parent of the vantage points' zones. Without one no zones are exported: the machine that
    /// reads the export runs everything.
    pub parent_zone: Option<String>,
    /// Template that hosts import.
    pub host_template: Option<String>,
    /// Template that services import.
    pub service_template: Option<String>,
}

impl Default for Engines {
    fn default() -> Self {
        const PLUGINS: &str = "/usr/lib/nagios/plugins";
        Engines {
            history: "mdd".to_owned(),
            manifest: "/etc/mdd/mdd.yaml".to_owned(),
            state: "/var/lib/mdd/history.db".to_owned(),
            sensu_go: SensuGo {
                namespace: "default".to_owned(),
                pipelines: Vec::new(),
                handlers: Vec::new(),
                metric_handlers: Vec::new(),
                asset: None,
                plugin_dir: PLUGINS.to_owned(),
            },
            sensu_classic: SensuClassic { handlers: Vec::new(), plugin_dir: PLUGINS.to_owned() },
            nagios: Nagios {
                vantage: None,
                plugin_dir: "$USER1$".to_owned(),
                min_version: None,
                host_template: None,
                service_template: None,
                notify_host: "notify-host-by-email".to_owned(),
                notify_service: "notify-service-by-email".to_owned(),
            },
            nrpe: Nrpe { plugin_dir: PLUGINS.to_owned() },
            icinga2: Icinga2 {
                plugin_dir: PLUGINS.to_owned(),
                parent_zone: None,
                host_template: None,
                service_template: None,
            },
        }
    }
}

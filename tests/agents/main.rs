//! Real agents: Nagios Core, NRPE, Icinga 2, Prometheus and its node exporter, on loopback and in folders of the tests' own.

mod environment;
mod icinga2;
mod nagios;
mod nrpe;
mod objects;
mod package;
mod probe;
mod prometheus;
mod rehearsed;
mod round_trip;
mod sensu_classic;
mod sensu_go;
mod validator;

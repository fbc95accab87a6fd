//! promtool and the node exporter read what is exported for Prometheus.

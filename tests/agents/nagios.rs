//! Nagios Core reads an export without a warning and runs it.

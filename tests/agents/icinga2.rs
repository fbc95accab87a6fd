//! Icinga 2 reads an export without a warning and runs it.

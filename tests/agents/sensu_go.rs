//! An export for Sensu Go keeps every rule of its parser and validators.

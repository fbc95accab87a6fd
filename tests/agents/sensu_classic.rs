//! An export for Sensu Classic keeps the rules of its settings.

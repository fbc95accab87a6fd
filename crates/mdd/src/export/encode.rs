//! Argument lists as each engine reads them.

//! Results that come back from a monitoring engine.

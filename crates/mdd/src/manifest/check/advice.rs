//! What could be better: warnings, and what time makes wrong.

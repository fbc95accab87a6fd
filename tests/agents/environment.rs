//! Plugins in the environments that agents really give them.

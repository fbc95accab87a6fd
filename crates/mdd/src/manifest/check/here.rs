//! What only this machine knows: programs and secret files.

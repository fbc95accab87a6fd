//! Black-box tests; each file in this folder is one.

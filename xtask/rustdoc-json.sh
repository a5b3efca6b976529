#!/bin/sh
# Rustdoc with what it calls unstable. `cargo xtask api` has cargo call this in rustdoc's place.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"

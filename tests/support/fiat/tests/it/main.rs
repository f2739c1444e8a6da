//! Adapters against the emulators.

mod yookassa;

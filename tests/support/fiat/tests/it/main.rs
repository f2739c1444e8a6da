//! The emulators, the provider in memory, and the adapters over them.

mod broken;
mod fake;
mod fake_stage;
mod sdk;
mod stripe;
mod stripe_faults;
mod stripe_stage;
mod stripe_storm;
mod stripe_webhooks;
mod yookassa;

//! What wallets do beside a plain subscription, each told from its beginning to what it came to.

pub mod fiat;
pub mod gasless;
pub mod marketplace;
pub mod permit2;

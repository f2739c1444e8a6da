//! Who is who among anvil's well-known accounts.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use alloy::primitives::Address;
use alloy::signers::local::{MnemonicBuilder, PrivateKeySigner};

/// Public knowledge: the mnemonic of every anvil. Never holds anything of value.
const MNEMONIC: &str = "test test test test test test test test test test test junk";

/// Signers by number. Deriving one takes thousands of hashes, and a story asks for the same ones hundreds of times.
static DERIVED: LazyLock<Mutex<HashMap<u32, PrivateKeySigner>>> = LazyLock::new(Mutex::default);

/// How many accounts each anvil funds.
pub(crate) const FUNDED: u32 = 60;

/// A part somebody plays in a test; each has an account of its own with 10,000 ether.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Deploys the contracts and their test token.
    Deployer,
    /// Administers roles.
    Admin,
    /// Freezes plans and helps subscribers.
    Operator,
    /// Charges what is due.
    Automation,
    /// Sets fees and processors.
    Governor,
    /// Is paid the fees.
    FeeReceiver,
    /// Sends what subscribers sign.
    Relayer,
    /// Sells; any number below 10.
    Merchant(u32),
    /// Subscribes; any number, those from 40 up without ether.
    Subscriber(u32),
}

impl Role {
    /// The account's signer.
    pub fn signer(self) -> PrivateKeySigner {
        let index = match self {
            Self::Deployer => 0,
            Self::Admin => 1,
            Self::Operator => 2,
            Self::Automation => 3,
            Self::Governor => 4,
            Self::FeeReceiver => 5,
            Self::Relayer => 6,
            Self::Merchant(n) => {
                assert!(n < 10, "there are ten merchants");
                10 + n
            }
            Self::Subscriber(n) => 20 + n,
        };
        let mut derived = DERIVED.lock().unwrap_or_else(PoisonError::into_inner);
        derived.entry(index).or_insert_with(|| MnemonicBuilder::from_phrase_nth(MNEMONIC, index)).clone()
    }

    /// The account's address.
    pub fn address(self) -> Address {
        self.signer().address()
    }

    /// The account's private key as `0x…`, for configurations of child processes.
    pub fn key(self) -> String {
        alloy::hex::encode_prefixed(self.signer().to_bytes())
    }
}

//! Where a signing key comes from: an environment value in development, an encrypted keystore elsewhere.

use std::path::PathBuf;

use alloy::signers::local::PrivateKeySigner;
use secrecy::{ExposeSecret, SecretString};

use super::ChainError;

/// A key, not yet opened.
#[derive(Clone, Debug)]
pub enum SignerSource {
    /// 32 bytes as hex, with or without `0x`.
    PrivateKey(SecretString),
    /// A Web3 Secret Storage (v3) file and its password.
    Keystore {
        /// The JSON file.
        path: PathBuf,
        /// Its password.
        password: SecretString,
    },
}

impl SignerSource {
    /// Opens the key.
    ///
    /// # Errors
    /// `Key`, which says what is wrong and never holds the key.
    pub fn open(&self) -> Result<PrivateKeySigner, ChainError> {
        match self {
            Self::PrivateKey(key) => key
                .expose_secret()
                .trim()
                .parse()
                .map_err(|_| ChainError::Key("is not 32 bytes of hex (64 digits, 0x allowed)".to_owned())),
            Self::Keystore { path, password } => PrivateKeySigner::decrypt_keystore(path, password.expose_secret())
                .map_err(|error| ChainError::Key(format!("keystore {}: {error}", path.display()))),
        }
    }
}

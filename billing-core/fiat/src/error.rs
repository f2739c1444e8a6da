use std::time::Duration;

/// Why nothing is known, or nothing was done. A payment that the provider declined is no error, but an [`Outcome`].
///
/// [`Outcome`]: crate::Outcome
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// No answer, one that cannot be read, or one that says to come back later: it may have been done. Ask again with the same
    /// key, or look for it.
    #[error("{provider}: {what}")]
    Unknown {
        /// The provider.
        provider: &'static str,
        /// What came instead of an answer; no secret, no body.
        what: String,
        /// How long the provider asks to wait.
        retry_after: Option<Duration>,
    },
    /// The provider understood and will not do it, whoever asks how often: nothing was done. A mistake of ours or of its settings.
    #[error("{provider} refuses: {code}: {description}{}", parameter.as_ref().map(|name| format!(" ({name})")).unwrap_or_default())]
    Refused {
        /// The provider.
        provider: &'static str,
        /// The provider's word for it.
        code: String,
        /// The provider's words.
        description: String,
        /// What of the request is meant.
        parameter: Option<String>,
    },
    /// The provider does not know our key, or does not let it do this: to be mended in the configuration.
    #[error("{provider} does not accept our credentials: {code}")]
    Credentials {
        /// The provider.
        provider: &'static str,
        /// The provider's word for it.
        code: String,
    },
}

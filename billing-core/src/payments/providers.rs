use std::sync::Arc;

use billing_fiat::FiatProvider;

use super::PaymentError;

/// The fiat providers of an installation.
#[derive(Clone, Debug, Default)]
pub struct Providers(Arc<[Arc<dyn FiatProvider>]>);

impl Providers {
    /// By their names, of which the first of each counts.
    #[must_use]
    pub fn new(providers: Vec<Arc<dyn FiatProvider>>) -> Self {
        Self(providers.into())
    }

    /// By name.
    ///
    /// # Errors
    /// `NoProvider`.
    pub fn get(&self, name: &str) -> Result<&Arc<dyn FiatProvider>, PaymentError> {
        self.iter().find(|provider| provider.name() == name).ok_or_else(|| PaymentError::NoProvider(name.to_owned()))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn FiatProvider>> {
        self.0.iter()
    }

    /// Their names.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.iter().map(|provider| provider.name()).collect()
    }

    /// Each of them alone: to be attended to side by side, so that one that hangs keeps no other waiting.
    pub fn each(&self) -> impl Iterator<Item = Self> {
        self.iter().map(|provider| Self::new(vec![Arc::clone(provider)]))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

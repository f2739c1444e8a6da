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

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

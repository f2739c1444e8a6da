//! HTTP to servers of this machine.

/// A client that knows no certificates: reading those of the machine takes longer than many a test's requests.
pub(crate) fn client() -> reqwest::Client {
    let built = reqwest::Client::builder().tls_certs_only([]).no_proxy().build();
    built.expect("a client without settings that could be wrong")
}

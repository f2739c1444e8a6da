//! What callers say of who pays.

use billing_core::payments::ReceiptTerms;
use billing_fiat::Buyer;

use super::packs::ReceiptCodes;
use crate::problem::Problem;

/// Characters of a return url at most: what all providers take.
const URL_MAX: usize = 2_048;

/// 422 for what is no address of mail, or no number.
pub(super) fn buyer(email: Option<String>, phone: Option<String>) -> Result<Buyer, Problem> {
    if email.as_deref().is_some_and(|email| !is_email(email)) {
        return Err(Problem::field("email", "must be an address of mail"));
    }
    let is_phone = |phone: &str| (8..=15).contains(&phone.len()) && phone.bytes().all(|byte| byte.is_ascii_digit());
    if phone.as_deref().is_some_and(|phone| !is_phone(phone)) {
        return Err(Problem::field("phone", "must be 8 to 15 digits, the country's code first"));
    }
    Ok(Buyer { email, phone })
}

/// Whether it is an address, only the mail itself would tell: here it is what no provider takes for broken.
fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@');
    text.len() <= 254 && parts.is_some_and(|(name, host)| is_part(name) && is_part(host) && host.contains('.'))
}

/// 422 for where no payer can be sent.
pub(super) fn return_url(text: &str) -> Result<(), Problem> {
    let has_host = |rest: &str| rest.chars().next().is_some_and(char::is_alphanumeric);
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    if text.len() <= URL_MAX && text.bytes().all(|byte| byte.is_ascii_graphic()) && rest.is_some_and(has_host) {
        return Ok(());
    }
    Err(Problem::field("return_url", format!("must be an https or http url of up to {URL_MAX} characters")))
}

/// 422 for codes that cannot be, and for a receipt that would go to nobody.
pub(super) fn receipt(codes: Option<ReceiptCodes>, buyer: &Buyer) -> Result<Option<ReceiptTerms>, Problem> {
    let Some(ReceiptCodes { vat_code, payment_subject, payment_mode }) = codes else { return Ok(None) };
    let is_word = |word: &str| {
        (1..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    if !(1..=99).contains(&vat_code) || !is_word(&payment_subject) || !is_word(&payment_mode) {
        return Err(Problem::field("receipt", "its codes must be those of the tax service"));
    }
    if buyer.email.is_none() && buyer.phone.is_none() {
        return Err(Problem::field("receipt", "goes to nobody: send an email or a phone"));
    }
    Ok(Some(ReceiptTerms { vat_code, payment_subject, payment_mode }))
}

//! Receipts under 54-FZ, as data: which codes are right is the accountant's to say.

use crate::Money;

/// Who is sent the receipt. At least one of both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buyer {
    /// Where a receipt and the provider's own letters go.
    pub email: Option<String>,
    /// E.164 digits without a plus.
    pub phone: Option<String>,
}

/// What is to be registered with the tax service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Who bought.
    pub buyer: Buyer,
    /// 1 to 6; `None` for the shop's only one.
    pub tax_system_code: Option<u8>,
    /// 1 to 80 lines whose sum is the amount.
    pub items: Vec<ReceiptItem>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptItem {
    /// Up to 128 characters.
    pub description: String,
    /// Whole pieces; one at least.
    pub quantity: u32,
    /// Of one piece.
    pub price: Money,
    /// 1 to 12 today; the list is the tax service's.
    pub vat_code: u8,
    /// `service`, `payment`, ...
    pub payment_subject: String,
    /// `full_prepayment`, `full_payment`, ...
    pub payment_mode: String,
}

/// What became of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptStatus {
    /// On its way to the tax service.
    Pending,
    /// Registered.
    Succeeded,
    /// Refused; somebody must look.
    Canceled,
}

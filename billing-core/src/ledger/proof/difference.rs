//! What a ledger that is not as it was written is found to be.

use uuid::Uuid;

/// Something that `verify` found. What is missing is shown as `nothing`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// A gap in the numbers of the seals.
    #[error("seal {0} is missing")]
    SealMissing(i64),
    /// Seals follow each other without a gap.
    #[error("seal {number} begins at position {first}, not at {expected}")]
    SealRange {
        /// The seal.
        number: i64,
        /// Where it begins.
        first: i64,
        /// The position after the seal before.
        expected: i64,
    },
    /// The transfers are what they were, the chain of seals is not.
    #[error("the hash of seal {0} is not that of its transfers and the seal before it")]
    SealHash(i64),
    /// The hash says that the transfers are right.
    #[error("seal {0} keeps other digests than its hash was made of")]
    SealDigests(i64),
    /// It is there, and another.
    #[error("transfer {id} at position {position} is not what seal {seal} says")]
    Changed {
        /// The seal that covers it.
        seal: i64,
        /// Its position.
        position: i64,
        /// The transfer.
        id: Uuid,
    },
    /// It was there when it was sealed.
    #[error("a transfer after position {after}, sealed by seal {seal}, is missing")]
    Missing {
        /// The seal that covers it.
        seal: i64,
        /// Position of the transfer before it.
        after: i64,
    },
    /// It was not there when its position was sealed.
    #[error("transfer {id} at position {position} came after seal {seal}")]
    Inserted {
        /// The seal that covers its position.
        seal: i64,
        /// Its position.
        position: i64,
        /// The transfer.
        id: Uuid,
    },
    /// An orphan.
    #[error("transfer {transfer} names account {account}, which does not exist")]
    UnknownAccount {
        /// The transfer.
        transfer: Uuid,
        /// The account.
        account: Uuid,
    },
    /// Its accounts count different things.
    #[error("transfer {transfer} is from an account of {debit} to one of {credit}")]
    AssetsDiffer {
        /// The transfer.
        transfer: Uuid,
        /// Asset of the debit account.
        debit: String,
        /// Asset of the credit account.
        credit: String,
    },
    /// No hold before it between its accounts.
    #[error("transfer {transfer} ends hold {hold}, which is not one between its accounts")]
    UnknownHold {
        /// The transfer.
        transfer: Uuid,
        /// The hold.
        hold: Uuid,
    },
    /// Ended twice, taken from after its end, or more than it held.
    #[error("hold {0} is ended more than once, or more is taken from it than it held")]
    HoldEndedAgain(Uuid),
    /// Nothing before it was moved the other way between its accounts.
    #[error("transfer {transfer} takes back {reverses}, which it cannot")]
    UnknownReversed {
        /// The transfer.
        transfer: Uuid,
        /// What it takes back.
        reverses: Uuid,
    },
    /// More was taken back than it moved.
    #[error("of transfer {transfer} {reversed} are taken back, it moved {moved}")]
    ReversedTooMuch {
        /// The transfer.
        transfer: Uuid,
        /// What it moved.
        moved: String,
        /// What was taken back.
        reversed: String,
    },
    /// An account's row does not agree with the transfers.
    #[error("account {account}: {field} is {stored}, its transfers say {found}")]
    Account {
        /// The account.
        account: Uuid,
        /// One of the totals.
        field: String,
        /// As it is stored.
        stored: String,
        /// As it should be.
        found: String,
    },
    /// More was taken than put in, or the other way, against its limit.
    #[error("account {0} is overdrawn")]
    Overdrawn(Uuid),
    /// A hold's row does not agree with the transfers.
    #[error("hold {hold}: {field} is {stored}, its transfers say {found}")]
    Hold {
        /// The hold.
        hold: Uuid,
        /// Which column.
        field: String,
        /// As it is stored.
        stored: String,
        /// As it should be.
        found: String,
    },
    /// In every asset, all that is taken is put somewhere.
    #[error("{asset}: debits {state} are {debits}, credits {credits}")]
    Unbalanced {
        /// The asset.
        asset: String,
        /// `posted` or `pending`.
        state: String,
        /// Sum over all accounts.
        debits: String,
        /// Sum over all accounts.
        credits: String,
    },
    /// An entry does not agree with its transfer.
    #[error("entry of account {account} at position {position}: {field} is {stored}, its transfer says {found}")]
    Entry {
        /// The account.
        account: Uuid,
        /// The transfer's.
        position: i64,
        /// Which column.
        field: String,
        /// As it is stored.
        stored: String,
        /// As it should be.
        found: String,
    },
    /// A day's sums do not agree with its entries.
    #[error("account {account} on {day} by {kind}: {field} is {stored}, its entries say {found}")]
    Day {
        /// The account.
        account: Uuid,
        /// `booking` or `event`.
        kind: String,
        /// Year, month, day (UTC).
        day: String,
        /// Which column.
        field: String,
        /// As it is stored.
        stored: String,
        /// As it should be.
        found: String,
    },
}

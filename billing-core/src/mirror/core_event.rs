//! Events of `CoreSystem`, for people. They carry no number, so the mirror keeps none of them: who may do what is asked
//! of the contract.

use std::fmt;

use alloy::{
    primitives::{Address, B256, keccak256},
    sol_types::SolEventInterface,
};
use billing_bindings::CoreSystem::CoreSystemEvents;

/// A change of rights or of the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoreEvent {
    /// An account may do more.
    RoleGranted {
        /// Its name; its hash where the name is not known.
        role: String,
        /// The account.
        account: Address,
        /// Who granted it.
        sender: Address,
    },
    /// An account may do less.
    RoleRevoked {
        /// Its name; its hash where the name is not known.
        role: String,
        /// The account.
        account: Address,
        /// Who revoked it.
        sender: Address,
    },
    /// A service stands at another address.
    ServiceRegistered {
        /// `PlanManager`, say.
        service: String,
        /// Where it stands now.
        address: Address,
        /// Where it stood; zero for nowhere.
        previous: Address,
    },
    /// The administrator's office: handed over, or its delay changed.
    Administration(String),
}

impl CoreEvent {
    /// Reads a log of `CoreSystem`; `None` for one that this version does not know.
    #[must_use]
    pub fn decode(topics: &[B256], data: &[u8]) -> Option<Self> {
        use CoreSystemEvents as E;
        Some(match CoreSystemEvents::decode_raw_log(topics, data).ok()? {
            E::RoleGranted(e) => Self::RoleGranted { role: role(e.role), account: e.account, sender: e.sender },
            E::RoleRevoked(e) => Self::RoleRevoked { role: role(e.role), account: e.account, sender: e.sender },
            E::ServiceRegistered(e) => {
                Self::ServiceRegistered { service: short(e.serviceId), address: e.service, previous: e.previous }
            }
            other => Self::Administration(format!("{other:?}")),
        })
    }
}

impl fmt::Display for CoreEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoleGranted { role, account, sender } => write!(f, "{sender} granted {role} to {account}"),
            Self::RoleRevoked { role, account, sender } => write!(f, "{sender} revoked {role} of {account}"),
            Self::ServiceRegistered { service, address, previous } => {
                write!(f, "{service} stands at {address}, before at {previous}")
            }
            Self::Administration(event) => f.write_str(event),
        }
    }
}

fn role(id: B256) -> String {
    if id.is_zero() {
        return "DEFAULT_ADMIN_ROLE".to_owned();
    }
    let names = ["AUTHOR_ROLE", "OPERATOR_ROLE", "AUTOMATION_ROLE", "GOVERNOR_ROLE"];
    names.into_iter().find(|name| keccak256(name) == id).map_or_else(|| id.to_string(), str::to_owned)
}

/// A short string, padded with zeros; its hex digits where it is none.
fn short(id: B256) -> String {
    let text = id.as_slice().split(|byte| *byte == 0).next().unwrap_or_default();
    match std::str::from_utf8(text) {
        Ok(text) if !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic()) => text.to_owned(),
        _ => id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolEvent;
    use billing_bindings::CoreSystem::{DefaultAdminTransferCanceled, RoleGranted, RoleRevoked, ServiceRegistered};
    use proptest::prelude::*;

    use super::*;

    fn read(event: &impl SolEvent) -> String {
        let log = event.encode_log_data();
        CoreEvent::decode(log.topics(), &log.data).expect("an event of the core").to_string()
    }

    #[test]
    fn rights_and_services_are_told_by_name() {
        let (account, sender) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let granted = RoleGranted { role: keccak256("OPERATOR_ROLE"), account, sender };
        assert_eq!(read(&granted), format!("{sender} granted OPERATOR_ROLE to {account}"));
        let revoked = RoleRevoked { role: B256::ZERO, account, sender };
        assert_eq!(read(&revoked), format!("{sender} revoked DEFAULT_ADMIN_ROLE of {account}"));
        let odd = RoleRevoked { role: B256::repeat_byte(7), account, sender };
        assert!(read(&odd).contains(&B256::repeat_byte(7).to_string()));
        let id = B256::right_padding_from(b"Marketplace");
        let registered = ServiceRegistered { serviceId: id, service: account, previous: Address::ZERO };
        assert!(read(&registered).starts_with("Marketplace stands at"));
        assert!(read(&DefaultAdminTransferCanceled {}).contains("DefaultAdminTransferCanceled"));
    }

    proptest! {
        #[test]
        fn no_log_makes_it_panic(
            topics in prop::collection::vec(any::<[u8; 32]>(), 0..5),
            data in prop::collection::vec(any::<u8>(), 0..200),
            known in any::<prop::sample::Index>(),
        ) {
            let mut topics: Vec<B256> = topics.into_iter().map(B256::from).collect();
            let selectors = CoreSystemEvents::SELECTORS;
            if let Some(first) = topics.first_mut() {
                *first = B256::from(selectors[known.index(selectors.len())]);
            }
            drop(CoreEvent::decode(&topics, &data).map(|event| event.to_string()));
        }
    }
}

//! Who asks: bearer tokens of services, known here by their SHA-256 only.

use std::{fmt, str::FromStr};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::problem::Problem;

/// Tokens at most; each costs a comparison per request.
const TOKENS_MAX: usize = 1_000;

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    BillingAdmin,
    /// Freeze and unfreeze plans; give money back.
    Support,
    /// Start charges; ask for payments of users.
    Internal,
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "billing_admin" => Ok(Self::BillingAdmin),
            "support" => Ok(Self::Support),
            "internal" => Ok(Self::Internal),
            other => Err(format!("role {other:?} is not billing_admin, support or internal")),
        }
    }
}

/// A service that showed a known token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Name of its token.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// All tokens of `BILLING_SERVICE_TOKENS`.
#[derive(Clone, Default)]
pub struct ServiceTokens(Vec<(Service, [u8; 32])>);

impl fmt::Debug for ServiceTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(service, _)| service)).finish()
    }
}

impl FromStr for ServiceTokens {
    type Err = String;

    /// `name:role:sha256hex`, separated by commas. Messages name the entry by its place, never by its text.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let tokens = entries
            .enumerate()
            .map(|(place, entry)| parse(entry).map_err(|problem| format!("entry {}: {problem}", place + 1)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut names: Vec<_> = tokens.iter().map(|(service, _)| &service.name).collect();
        names.sort();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("two entries have one name".to_owned());
        }
        if tokens.len() > TOKENS_MAX {
            return Err(format!("more than {TOKENS_MAX} entries"));
        }
        Ok(Self(tokens))
    }
}

fn parse(entry: &str) -> Result<(Service, [u8; 32]), String> {
    let mut parts = entry.split(':');
    let (Some(name), Some(role), Some(hash), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err("is not name:role:sha256hex".to_owned());
    };
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Err("its name must be letters, digits, '-', '_' and '.'".to_owned());
    }
    let hash = alloy::hex::decode_to_array(hash)
        .map_err(|_| "its third part must be the SHA-256 of the token, 64 hex digits".to_owned())?;
    Ok((Service { name: name.to_owned(), role: role.parse()? }, hash))
}

impl ServiceTokens {
    /// The service whose token this is. Looks at every entry whatever it finds, so time tells nothing.
    #[must_use]
    pub fn find(&self, token: &str) -> Option<&Service> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        let mut found = 0_u32;
        for (place, (_, known)) in (1_u32..).zip(&self.0) {
            let same: Choice = hash.ct_eq(known);
            found.conditional_assign(&place, same);
        }
        let place = usize::try_from(found).ok()?.checked_sub(1)?;
        self.0.get(place).map(|(service, _)| service)
    }

    /// Who asks: nobody without a token.
    ///
    /// # Errors
    /// 401 for a token that is not known, also where none is needed.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Result<Option<Service>, Problem> {
        let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
        let token = value.to_str().ok().and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        match token.and_then(|token| self.find(token)) {
            Some(service) => Ok(Some(service.clone())),
            None => Err(unauthorized("the token is not known")),
        }
    }
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "A service token is needed")
        .detail(detail)
        .header(header::WWW_AUTHENTICATE, "Bearer")
}

fn require(parts: &Parts, roles: &[Role]) -> Result<Service, Problem> {
    let service =
        parts.extensions.get::<Service>().ok_or_else(|| unauthorized("send it as `Authorization: Bearer <token>`"))?;
    if service.role == Role::BillingAdmin || roles.contains(&service.role) {
        return Ok(service.clone());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", "This token may not do that")
        .detail(format!("token {} has the role {:?}", service.name, service.role)))
}

macro_rules! caller {
    ($(#[$doc:meta])* $name:ident, $roles:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub(crate) struct $name(pub(crate) Service);

        impl<S: Sync> FromRequestParts<S> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
                require(parts, $roles).map(Self)
            }
        }
    };
}

caller!(
    /// A caller with the role `billing_admin`.
    Admin, &[]
);
caller!(
    /// A caller with any token.
    #[expect(dead_code, reason = "to read, no name is needed")]
    Known, &[Role::Support, Role::Internal]
);
caller!(
    /// A caller who may freeze, and give money back.
    Support, &[Role::Support]
);
caller!(
    /// A caller who may start charges, and ask for payments of users.
    Internal, &[Role::Internal]
);

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, role: &str, token: &str) -> String {
        format!("{name}:{role}:{}", alloy::hex::encode(Sha256::digest(token)))
    }

    #[test]
    fn a_token_is_found_by_its_hash_only() {
        let text = [entry("shop", "support", "one"), entry("cron", "internal", "two")].join(", ");
        let tokens: ServiceTokens = text.parse().expect("well formed");
        assert_eq!(tokens.find("two").map(|service| service.name.as_str()), Some("cron"));
        assert_eq!(tokens.find("three"), None);
        assert_eq!(tokens.find(&alloy::hex::encode(Sha256::digest("one"))), None);
    }

    #[test]
    fn a_malformed_list_is_refused_without_its_text() {
        for text in ["a-secret", "name:role:a-secret", "a:support:00a-secret", "a:owner:00", "a:support:00:a-secret"] {
            let refused = text.parse::<ServiceTokens>().expect_err(text);
            assert!(refused.starts_with("entry 1") && !refused.contains("a-secret"), "{refused}");
        }
        let twice = [entry("a", "support", "1"), entry("a", "internal", "2")].join(",");
        assert!(twice.parse::<ServiceTokens>().is_err());
        assert!("".parse::<ServiceTokens>().is_ok());
    }
}

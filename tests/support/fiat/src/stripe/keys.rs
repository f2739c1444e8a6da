//! Idempotency: the first answer under a key is the answer.

use std::collections::{HashMap, HashSet};

use super::{form::Form, refusal::Refusal};

/// Seconds after which a key is forgotten.
const KEPT: i64 = 86_400;

#[derive(Debug, Default)]
pub(super) struct Keys {
    answers: HashMap<String, Kept>,
    in_use: HashSet<String>,
}

#[derive(Clone, Debug)]
struct Kept {
    path: String,
    form: Form,
    status: u16,
    body: String,
    at: i64,
}

impl Keys {
    /// The kept answer, if there is one; otherwise the key is in use from now on.
    pub(super) fn begin(
        &mut self,
        key: &str,
        path: &str,
        form: &Form,
        now: i64,
    ) -> Result<Option<(u16, String)>, Refusal> {
        match self.answers.get(key).filter(|kept| now - kept.at < KEPT) {
            Some(kept) if kept.path == path && kept.form == *form => Ok(Some((kept.status, kept.body.clone()))),
            Some(_) => Err(Refusal::other_request(key)),
            None if !self.in_use.insert(key.to_owned()) => Err(Refusal::in_use(key)),
            None => Ok(None),
        }
    }

    pub(super) fn keep(&mut self, key: &str, path: &str, form: &Form, answer: (u16, String), at: i64) {
        let kept = Kept { path: path.to_owned(), form: form.clone(), status: answer.0, body: answer.1, at };
        self.answers.insert(key.to_owned(), kept);
    }

    pub(super) fn end(&mut self, key: &str) {
        self.in_use.remove(key);
    }
}

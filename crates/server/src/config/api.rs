//! Keys of the API: plain ones, which may do everything, and named ones with scopes.

use super::{Check, Secret, nearest::did_you_mean, written};
use crate::{
    keys::{ApiKey, Scope, Scopes},
    rates::{KeyRates, Rate},
};
use protocol::limits;

/// How often any key may be used that says no number of its own.
#[derive(Clone, Copy)]
pub(super) struct OfKeys {
    pub(super) sends: Option<Rate>,
    pub(super) tokens: Option<Rate>,
}

impl OfKeys {
    pub(super) fn plain(self, secret: Secret) -> ApiKey {
        ApiKey { rates: KeyRates::new(self.sends, self.tokens).into(), ..ApiKey::plain(secret) }
    }
}

/// More in a second than any machine sends.
const PER_SECOND_MAX: u64 = 1_000_000;

impl Check<'_> {
    /// What the written keys mean.
    pub(super) fn api_keys(&mut self, written: Vec<written::ApiKey>, of_keys: OfKeys) -> Vec<ApiKey> {
        let mut keys: Vec<ApiKey> = Vec::with_capacity(written.len());
        for (index, written) in written.into_iter().enumerate() {
            let place = format!("api.keys.{index}");
            let key = match written {
                written::ApiKey::Plain(secret) => of_keys.plain(Secret::new(secret)),
                written::ApiKey::Named(named) => self.named(&place, named, of_keys),
            };
            let called =
                |key: &ApiKey| key.name.as_deref().map(|name| format!(" {name:?}")).unwrap_or_default();
            if key.secret.expose().len() < limits::API_KEY_BYTES_MIN {
                let least = limits::API_KEY_BYTES_MIN;
                self.wrong_at(
                    &place,
                    "api.keys",
                    &format!("has a key{} of under {least} characters", called(&key)),
                );
            }
            if keys.iter().any(|other| other.name.is_some() && other.name == key.name) {
                self.wrong_at(&place, "api.keys", &format!("has two keys of the name{}", called(&key)));
            } else if let Some(other) = keys.iter().find(|other| other.secret == key.secret) {
                // Which of them would count is nothing to guess.
                let what =
                    format!("has the same secret for the key{} and the key{}", called(other), called(&key));
                self.wrong_at(&place, "api.keys", &what);
            }
            keys.push(key);
        }
        keys
    }

    fn named(&mut self, place: &str, written: written::NamedKey, of_keys: OfKeys) -> ApiKey {
        let name = written.name;
        if name.is_empty() || name.len() > limits::API_KEY_NAME_BYTES_MAX {
            let most = limits::API_KEY_NAME_BYTES_MAX;
            self.wrong(
                "api.keys",
                &format!("has a key with a name of {} bytes; it has 1 to {most}", name.len()),
            );
        }
        let scopes = match written.scopes {
            None => Scopes::ALL,
            Some(words) if words.is_empty() => {
                self.wrong_at(
                    place,
                    "api.keys",
                    &format!("has the key {name:?} with no scope: it could do nothing"),
                );
                Scopes::default()
            }
            Some(words) => words.iter().filter_map(|word| self.scope(place, &name, word)).collect(),
        };
        let mut rate = |member, said: Option<u64>, of_all| match said {
            None => of_all,
            Some(said) if said <= PER_SECOND_MAX => Rate::per_second(said as u32),
            Some(said) => {
                let what =
                    format!("has the key {name:?} with {member} = {said}; it must be 0 to {PER_SECOND_MAX}");
                self.wrong_at(place, "api.keys", &what);
                None
            }
        };
        let sends = rate("sends_per_second", written.sends_per_second, of_keys.sends);
        let tokens = rate("tokens_per_second", written.tokens_per_second, of_keys.tokens);
        let rates = KeyRates::new(sends, tokens).into();
        ApiKey { name: Some(name.into()), secret: Secret::new(written.secret), scopes, rates }
    }

    fn scope(&mut self, place: &str, key: &str, word: &str) -> Option<Scope> {
        let scope = word.parse().ok();
        if scope.is_none() {
            let known = Scope::ALL.map(|scope| format!("{:?}", scope.as_str())).join(", ");
            let meant = did_you_mean(word, Scope::ALL.map(Scope::as_str));
            let meant = meant.map(|scope| format!("; did you mean {scope:?}?")).unwrap_or_default();
            let what = format!("has the key {key:?} with an unknown scope; there are {known}{meant}");
            self.wrong_at(place, "api.keys", &what);
        }
        scope
    }
}

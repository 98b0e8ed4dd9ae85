//! Keys of the API: plain ones, which may do everything, and named ones with scopes.

use super::{Check, Secret, nearest::did_you_mean, written};
use crate::keys::{ApiKey, Scope, Scopes};
use protocol::limits;

impl Check<'_> {
    /// What the written keys mean.
    pub(super) fn api_keys(&mut self, written: Vec<written::ApiKey>) -> Vec<ApiKey> {
        let mut keys: Vec<ApiKey> = Vec::with_capacity(written.len());
        for (index, written) in written.into_iter().enumerate() {
            let place = format!("api.keys.{index}");
            let key = match written {
                written::ApiKey::Plain(secret) => ApiKey::plain(Secret::new(secret)),
                written::ApiKey::Named(named) => self.named(&place, named),
            };
            let called =
                |key: &ApiKey| key.name.as_deref().map(|name| format!(" {name:?}")).unwrap_or_default();
            if key.secret.expose().len() < limits::API_KEY_BYTES_MIN {
                let least = limits::API_KEY_BYTES_MIN;
                self.wrong_at(&place, "api.keys", &format!("has a key{} of under {least} characters", called(&key)));
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

    fn named(&mut self, place: &str, written: written::NamedKey) -> ApiKey {
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
                self.wrong_at(place, "api.keys", &format!("has the key {name:?} with no scope: it could do nothing"));
                Scopes::default()
            }
            Some(words) => words.iter().filter_map(|word| self.scope(place, &name, word)).collect(),
        };
        ApiKey { name: Some(name.into()), secret: Secret::new(written.secret), scopes }
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

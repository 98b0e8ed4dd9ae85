//! Keys of the API: what each of them lets an application do.

use crate::{config::Secret, rates::KeyRates};
use std::{fmt, str::FromStr, sync::Arc};

/// A part of the API that a key may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Sending messages.
    Send,
    /// Making tokens.
    Create,
    /// Looking: channels, what is kept of them, who is there.
    Read,
    /// Everything else: deleting channels, the console.
    Admin,
}

impl Scope {
    /// All of them, in the order in which people read them.
    pub(crate) const ALL: [Self; 4] = [Self::Send, Self::Create, Self::Read, Self::Admin];

    /// As it is written in the configuration, and told to who lacks it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Create => "create",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no scope.
#[derive(Debug)]
pub(crate) struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

/// Some of the scopes, a bit each: whether one is among them costs every send one instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scopes(u8);

impl Scopes {
    /// What a key may that names none.
    pub(crate) const ALL: Self = Self(0b1111);

    pub(crate) fn has(self, scope: Scope) -> bool {
        self.0 & 1 << scope as u8 != 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | 1 << scope as u8))
    }
}

/// One key.
#[derive(Clone, Debug)]
pub(crate) struct ApiKey {
    /// By which people know it. Plain keys have none.
    pub(crate) name: Option<Box<str>>,
    pub(crate) secret: Secret,
    pub(crate) scopes: Scopes,
    /// How often it may be used, and was.
    pub(crate) rates: Arc<KeyRates>,
}

impl ApiKey {
    /// A key that may do everything.
    pub(crate) fn plain(secret: Secret) -> Self {
        Self { name: None, secret, scopes: Scopes::ALL, rates: Arc::default() }
    }
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    /// What it brings is none of the keys.
    UnknownKey,
    /// Its key is for other things.
    MissingScope(Scope),
}

/// All keys of a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct ApiKeys(Vec<ApiKey>);

impl ApiKeys {
    pub(crate) fn new(keys: Vec<ApiKey>) -> Self {
        Self(keys)
    }

    /// The key that a text is.
    pub(crate) fn find(&self, text: &[u8]) -> Option<&ApiKey> {
        // All are compared, so that the time tells nothing of which one it was.
        self.0.iter().fold(None, |found, key| if key.secret.matches(text) { Some(key) } else { found })
    }

    /// Whether the bearer of a text may do something.
    ///
    /// # Errors
    /// [`NotAdmitted`].
    pub(crate) fn admit(&self, text: &[u8], scope: Scope) -> Result<&ApiKey, NotAdmitted> {
        let key = self.find(text).ok_or(NotAdmitted::UnknownKey)?;
        if key.scopes.has(scope) { Ok(key) } else { Err(NotAdmitted::MissingScope(scope)) }
    }

    /// Whether how often any of them sends is looked at.
    pub(crate) fn limit_sends(&self) -> bool {
        self.0.iter().any(|key| key.rates.sends.is_some())
    }

    /// A key that may do everything, to be shown to who starts a server for development.
    pub(crate) fn for_everything(&self) -> Option<&Secret> {
        self.0.iter().find(|key| key.scopes == Scopes::ALL).map(|key| &key.secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_what_its_scopes_say_and_nothing_else() {
        for one in Scope::ALL {
            let key = ApiKey {
                name: Some("one".into()),
                secret: Secret::new("a-key-of-sixteen-bytes".into()),
                scopes: [one].into_iter().collect(),
                rates: Arc::default(),
            };
            let keys = ApiKeys::new(vec![ApiKey::plain(Secret::new("another-of-them".into())), key]);
            for scope in Scope::ALL {
                let admitted = keys.admit(b"a-key-of-sixteen-bytes", scope).map(|key| key.name.as_deref());
                let expected =
                    if scope == one { Ok(Some("one")) } else { Err(NotAdmitted::MissingScope(scope)) };
                assert_eq!(admitted, expected, "{one} for {scope}");
                assert!(keys.admit(b"another-of-them", scope).is_ok());
                assert_eq!(keys.admit(b"a-key-of", scope).map(|_| ()), Err(NotAdmitted::UnknownKey));
            }
            assert_eq!(one.as_str().parse::<Scope>().ok(), Some(one));
        }
        assert_eq!(Scope::ALL.into_iter().collect::<Scopes>(), Scopes::ALL);
    }
}

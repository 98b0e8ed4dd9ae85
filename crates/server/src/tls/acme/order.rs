//! One order of a certificate, from asking to having it.

use super::{
    challenge::{Challenges, certificate},
    failure::Failure,
};
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use std::{sync::Arc, time::Duration};

/// An authority looks at each domain from several places; most have done so within seconds.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120));

/// Orders a certificate for all domains: its key and its chain, as one PEM. `answer` is told what an authority that looks
/// is to be answered with.
pub(super) async fn run(
    account: &Account,
    domains: &[String],
    answer: impl Fn(&Challenges),
) -> Result<String, Failure> {
    let names: Vec<Identifier> = domains.iter().cloned().map(Identifier::Dns).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await?;
    let mut challenges = Challenges::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        match authorization.status {
            // From an earlier order.
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            other => return Err(Failure::Odd(format!("a domain's authorization is {other:?}"))),
        }
        let mut challenge = authorization
            .challenge(ChallengeType::TlsAlpn01)
            .ok_or_else(|| Failure::Odd("it offers no challenge of the kind TLS-ALPN-01".into()))?;
        let domain = challenge.identifier().to_string();
        let proof = certificate(&domain, challenge.key_authorization().digest().as_ref())?;
        challenges.insert(domain, Arc::new(proof));
        answer(&challenges);
        challenge.set_ready().await?;
    }
    match order.poll_ready(&PATIENCE).await {
        Ok(OrderStatus::Ready | OrderStatus::Valid) => {}
        // The order says what was wrong, its authorizations say with which domain.
        Ok(_) | Err(Error::Api(_)) => return Err(refusal(&mut order).await),
        Err(error) => return Err(error.into()),
    }
    let odd = |error: rcgen::Error| Failure::Odd(format!("no request can be made for it: {error}"));
    // A key of its own for each certificate: what one gave away says nothing of the next.
    let key = KeyPair::generate().map_err(odd)?;
    let mut params = CertificateParams::new(domains).map_err(odd)?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(odd)?;
    order.finalize_csr(request.der().as_ref()).await?;
    let chain = order.poll_certificate(&PATIENCE).await?;
    Ok(format!("{}{chain}", key.serialize_pem()))
}

/// Why an order failed: what the authority says of the domain that it could not look at, or of the order.
async fn refusal(order: &mut Order) -> Failure {
    let why = order.state().error.clone();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        let domain = state.identifier().to_string();
        let found = state.challenges.iter().find_map(|challenge| challenge.error.clone());
        if let Some(problem) = found {
            return Failure::of_domain(&domain, problem);
        }
    }
    why.map_or_else(|| Failure::Odd("it refuses, and does not say why".into()), Failure::from)
}

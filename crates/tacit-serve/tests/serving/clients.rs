//! Who is answered, and what the others hear.

use std::time::{Duration, SystemTime};

use tacit_serve::{
    Authority, Client, Clients, Code, Error, Proof, Refusal, Serial, Token, TokenList,
};

use crate::place::{COLUMNS, OLD, Place, logits, model, numbers, rule, wide};

const HOUR: Duration = Duration::from_secs(3600);

async fn ask(client: &Client) -> Result<(), Error> {
    let features = numbers(1, COLUMNS);
    let answer = client.query(&features).await?;
    assert!(
        matches!(answer, tacit_serve::Answer::Logits { values, .. } if values == logits(OLD, &features))
    );
    Ok(())
}

async fn refusal(client: &Client) -> Refusal {
    match ask(client).await {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// What TLS said.
async fn alert(client: &Client) -> String {
    match ask(client).await {
        Err(Error::Connection { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn tokens_that_expired_or_are_unknown_are_refused_by_name() {
    let (mut list, expired) = (String::new(), Token::generate().unwrap());
    let past = SystemTime::now() - HOUR;
    list += &expired.entry("clinic-b", past).unwrap();
    let place = Place::with(wide(), model(OLD), rule(), |_, token| {
        list += &token.entry("clinic-a", SystemTime::now() + HOUR).unwrap();
        Clients::Tokens(TokenList::from_toml(&list).unwrap())
    });
    ask(&place.client_with(&place.token)).await.unwrap();
    let refused = refusal(&place.client_with(&expired)).await;
    assert_eq!(refused.code, Code::TokenExpired);
    assert!(refused.text.contains("expired at 2"), "{}", refused.text);
    let unknown = Token::generate().unwrap();
    let refused = refusal(&place.client_with(&unknown)).await;
    assert_eq!(refused.code, Code::TokenUnknown);
    // A client with a certificate shows it to nobody here and has no token.
    let refused = refusal(&place.client("a", OLD)).await;
    assert_eq!(refused.code, Code::TokenMissing);
}

#[tokio::test]
async fn nobody_without_a_certificate_of_the_authority_gets_past_the_handshake() {
    let place = Place::new(wide());
    let none = alert(&place.client_with(&place.token)).await;
    assert!(none.contains("CertificateRequired"), "{none}");

    let other = Authority::generate("authority", HOUR).unwrap();
    let mut settings = place.client_settings("a", OLD);
    settings.proof = Proof::Certificate(other.client("a").unwrap());
    let foreign = alert(&Client::new(settings).unwrap()).await;
    // The same name with another key: the signature does not verify.
    assert!(foreign.contains("received fatal alert"), "{foreign}");

    // A certificate made for servers proves no client.
    let mut settings = place.client_settings("a", OLD);
    settings.proof = Proof::Certificate(place.authority.server(&["localhost"]).unwrap());
    let purpose = alert(&Client::new(settings).unwrap()).await;
    assert!(purpose.contains("received fatal alert"), "{purpose}");

    ask(&place.client("a", OLD)).await.unwrap();
    assert_eq!(place.server().metrics().handshakes_failed(), 3);
    assert_eq!(place.server().metrics().answers(), 1);
}

#[tokio::test]
async fn a_client_trusts_only_its_authority_and_the_name_it_dialled() {
    let place = Place::new(wide());
    let mut settings = place.client_settings("a", OLD);
    settings.authorities = vec![Authority::generate("another", HOUR).unwrap().certificate()];
    let problem = alert(&Client::new(settings).unwrap()).await;
    assert!(problem.contains("UnknownIssuer"), "{problem}");
    let mut settings = place.client_settings("a", OLD);
    settings.server_name = "elsewhere.example".into();
    let problem = alert(&Client::new(settings).unwrap()).await;
    assert!(problem.contains("elsewhere.example"), "{problem}");
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_on_the_connection_it_already_has() {
    let place = Place::new(wide());
    let settings = place.client_settings("a", OLD);
    let Proof::Certificate(credentials) = &settings.proof else {
        panic!("a certificate");
    };
    let serial = Serial::of(credentials.certificate().unwrap()).unwrap();
    let client = Client::new(settings).unwrap();
    let other = place.client("b", OLD);
    ask(&client).await.unwrap();
    let clients = Clients::Certificates {
        authorities: vec![place.authority.certificate()],
        revoked: Serial::parse_list(&format!("# gone\n\n{serial} # since today\n")).unwrap(),
    };
    let credentials = place.authority.server(&["localhost"]).unwrap();
    place.server().renew(&credentials, clients).unwrap();
    let refused = refusal(&client).await;
    assert_eq!(refused.code, Code::CertificateRevoked);
    assert!(refused.text.contains(&serial.to_string()));
    ask(&other).await.unwrap();
}

#[tokio::test]
async fn a_server_that_changes_to_certificates_wants_them_at_once() {
    let place = Place::with_tokens(wide());
    let with_token = place.client_with(&place.token);
    ask(&with_token).await.unwrap();
    let clients = Clients::Certificates {
        authorities: vec![place.authority.certificate()],
        revoked: vec![],
    };
    let credentials = place.authority.server(&["localhost"]).unwrap();
    place.server().renew(&credentials, clients).unwrap();
    assert_eq!(refusal(&with_token).await.code, Code::CertificateMissing);
    ask(&place.client("a", OLD)).await.unwrap();
}

#[test]
fn lists_of_tokens_and_serials_are_read_strictly() {
    let hash = "ab".repeat(32);
    for (text, problem) in [
        ("[[token]]\nclient = \"a\"\n", "blake3"),
        (
            "[[token]]\nclient = \"a\"\nblake3 = \"ab\"\nexpires = \"2030-01-01T00:00:00Z\"\n",
            "hash of `a`",
        ),
        (
            &format!("[[token]]\nclient = \"a\"\nblake3 = \"{hash}\"\nexpires = \"soon\"\n"),
            "RFC 3339",
        ),
        ("[[tokens]]\n", "tokens"),
    ] {
        let error = TokenList::from_toml(text).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    assert!(TokenList::from_toml("").is_ok(), "a list may be empty");
    assert_eq!(
        Serial::parse("00:0A:ff").unwrap(),
        Serial::parse("0aFF").unwrap()
    );
    for bad in ["", "0", "xy", "00112", "é1"] {
        assert!(Serial::parse(bad).is_err(), "{bad}");
    }
    assert!(Token::parse("short").is_err());
    assert_eq!(format!("{:?}", Token::generate().unwrap()), "Token(…)");
}

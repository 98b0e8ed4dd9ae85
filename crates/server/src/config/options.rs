//! Every option, once: its path in the file, its environment variable, what it does. `downlink init` writes its
//! commented file from this table.

/// How an option's text becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Switch,
    /// A number that may have a point.
    Fraction,
    /// Separated by commas in the environment.
    List,
}

/// One option.
#[derive(Debug)]
pub(crate) struct OptionSpec {
    /// `section.name`, or the name alone.
    pub(crate) path: &'static str,
    /// The environment variable over it.
    pub(crate) variable: &'static str,
    pub(crate) kind: Kind,
    /// The default, as written in the file; empty if it must be given or may be missing.
    pub(crate) default: &'static str,
    /// One or two sentences.
    pub(crate) help: &'static str,
}

macro_rules! options {
    ($($path:literal $variable:literal $kind:ident $default:literal $help:literal;)*) => {
        /// Every option, in the order of the file.
        pub(crate) const OPTIONS: &[OptionSpec] = &[$(OptionSpec {
            path: $path, variable: $variable, kind: Kind::$kind, default: $default, help: $help,
        }),*];
    };
}

options! {
    "listen" "DOWNLINK_LISTEN" Text "\"127.0.0.1:7171\"" "Address and port for sockets and the API.";
    "admin_listen" "DOWNLINK_ADMIN_LISTEN" Text "" "Address and port of their own for operators: /metrics, /docs, /openapi.json and the console are there and not on `listen` then. The API and the health checks are on both. Over systemd too it is opened by the server.";
    "data_dir" "DOWNLINK_DATA_DIR" Text "" "Where messages are kept. One process at a time.";
    "durability" "DOWNLINK_DURABILITY" Text "\"fsync\"" "What an answered message survives: \"fsync\" a power loss, \"os\" the process being killed, \"memory\" nothing.";
    "drain_seconds" "DOWNLINK_DRAIN_SECONDS" Number "5" "At a stop, sockets are told to come back within this many seconds, at 10,000 a second if that is sooner.";
    "api.keys" "DOWNLINK_API_KEY" List "" "Keys of the API. An application sends one as `Authorization: Bearer …`. A text may do everything; { name = \"shop\", secret = \"…\", scopes = [\"send\", \"create\"] } in its place only what it says: send, create (tokens), read, admin (all else).";
    "token.key" "DOWNLINK_TOKEN_KEY" Text "" "The secret that signs tokens (HS256), at least 32 bytes. Whoever has it can make tokens.";
    "token.key_set" "DOWNLINK_TOKEN_KEY_SET" Text "" "A file with a JSON Web Key Set: public keys (EdDSA, ES256, RS256) of applications that sign tokens themselves.";
    "tls.certificate" "DOWNLINK_TLS_CERTIFICATE" Text "" "A PEM file with the server's certificate, then those that vouch for it. With it and tls.key, Downlink speaks TLS (https, wss) and nothing else. Read again when it changes.";
    "tls.key" "DOWNLINK_TLS_KEY" Text "" "A PEM file with the certificate's private key, without a passphrase. ECDSA (P-256) costs the server a fraction of RSA. Read again when it changes.";
    "tls.http2" "DOWNLINK_TLS_HTTP2" Switch "true" "Whether clients may agree on HTTP/2. With it a browser's many tabs share a connection, of which HTTP/1.1 gives it six; but a connection that carries a single event stream takes ten times the memory. Turn it off where nearly every client is one such stream.";
    "acme.domains" "DOWNLINK_ACME_DOMAINS" List "[]" "Names for which a certificate is fetched and renewed by itself (ACME, TLS-ALPN-01), as [\"push.example.com\"], in place of tls.certificate. The authority connects to port 443 of each, which must lead here. By naming them you agree to the authority's terms.";
    "acme.email" "DOWNLINK_ACME_EMAIL" Text "" "Where the authority may write to about the account.";
    "acme.directory" "DOWNLINK_ACME_DIRECTORY" Text "\"https://acme-v02.api.letsencrypt.org/directory\"" "The authority's directory. To try things out, use its staging one: \"https://acme-staging-v02.api.letsencrypt.org/directory\".";
    "acme.ca_file" "DOWNLINK_ACME_CA_FILE" Text "" "A PEM file with those who vouch for an authority of your own. If not set, whom this machine trusts.";
    "socket.token_in_query" "DOWNLINK_TOKEN_IN_QUERY" Switch "true" "Whether `?token=` is accepted, for plain EventSource and WebSocket. Turn it off if a proxy in front logs URLs.";
    "socket.allowed_origins" "DOWNLINK_ALLOWED_ORIGINS" List "[]" "Origins whose pages may open channels, as [\"https://example.com\"]. Empty: any.";
    "presence.url" "DOWNLINK_PRESENCE_URL" Text "" "Where the application is told who comes and goes, as \"http://127.0.0.1:8080\". Off if not set. `dev --app` sends to the application.";
    "presence.format" "DOWNLINK_PRESENCE_FORMAT" Text "\"appengine\"" "\"appengine\": forms to /_ah/channel/connected/ and /_ah/channel/disconnected/ below the URL. \"standard\": JSON to the URL.";
    "presence.secret" "DOWNLINK_PRESENCE_SECRET" Text "" "Signs the notices: \"whsec_\" and base64 of 24 bytes or more; two, separated by a comma, while one is replaced. If not set, one follows from token.key: `downlink config presence-secret` prints it.";
    "presence.grace_seconds" "DOWNLINK_PRESENCE_GRACE_SECONDS" Number "5" "A client that is back within this many seconds never left.";
    "presence.silence_seconds" "DOWNLINK_PRESENCE_SILENCE_SECONDS" Number "5" "A client of the old development wire (/_ah/channel/dev) that does not poll for this many seconds has left.";
    "retention.seconds" "DOWNLINK_RETENTION_SECONDS" Number "7200" "How long messages are kept.";
    "retention.messages" "DOWNLINK_RETENTION_MESSAGES" Number "1000" "How many messages of one channel are kept.";
    "retention.bytes" "DOWNLINK_RETENTION_BYTES" Number "1073741824" "How many bytes of all channels together are kept.";
    "limits.message_bytes" "DOWNLINK_MESSAGE_BYTES" Number "32768" "Largest message.";
    "limits.sockets_per_client" "DOWNLINK_SOCKETS_PER_CLIENT" Number "20000" "Sockets one client id may have open.";
    "limits.sockets_per_address" "DOWNLINK_SOCKETS_PER_ADDRESS" Number "20000" "Sockets one address may have open. A proxy in front is one address.";
    "limits.cache_bytes" "DOWNLINK_CACHE_BYTES" Number "67108864" "Memory for the newest messages and their frames, from which sockets that keep up are served. Who is further behind is served from the journal.";
    "limits.idempotency_keys" "DOWNLINK_IDEMPOTENCY_KEYS" Number "1000000" "Idempotency-Keys remembered, for 10 minutes.";
    "limits.key_sends_per_second" "DOWNLINK_KEY_SENDS_PER_SECOND" Number "0" "Messages one API key may send in a second; 0: any number. A key of its own number is `{ name = …, secret = …, sends_per_second = 100 }`.";
    "limits.key_tokens_per_second" "DOWNLINK_KEY_TOKENS_PER_SECOND" Number "0" "Tokens one API key may make in a second; 0: any number. `tokens_per_second` of a key is over it.";
    "limits.client_sends_per_second" "DOWNLINK_CLIENT_SENDS_PER_SECOND" Number "0" "Messages one client id may be sent in a second; 0: any number. A page that gets more than it can show is of no use.";
    "limits.address_connections_per_second" "DOWNLINK_ADDRESS_CONNECTIONS_PER_SECOND" Number "0" "Connections one address may open in a second; 0: any number. What is beyond is closed at once. Leave it at 0 behind a proxy, which is one address.";
    "limits.address_refused_tokens_per_second" "DOWNLINK_ADDRESS_REFUSED_TOKENS_PER_SECOND" Number "0" "After so many refused tokens in a second, no token of that address is looked at; 0: all are. Leave it at 0 behind a proxy, which is one address.";
    "broker.kind" "DOWNLINK_BROKER" Text "\"local\"" "Where messages are kept: \"local\" in data_dir of this one node, \"nats\" in a NATS JetStream that several equal nodes share.";
    "broker.servers" "DOWNLINK_NATS_SERVERS" List "" "Addresses of the NATS servers, as [\"nats://10.0.0.1:4222\"]. The others of their cluster are found by themselves.";
    "broker.user" "DOWNLINK_NATS_USER" Text "" "The user of NATS, with broker.password.";
    "broker.password" "DOWNLINK_NATS_PASSWORD" Text "" "The user's password.";
    "broker.token" "DOWNLINK_NATS_TOKEN" Text "" "A token of NATS, instead of a user.";
    "broker.credentials" "DOWNLINK_NATS_CREDENTIALS" Text "" "A credentials file of NATS (JWT and seed), instead of a user.";
    "broker.tls" "DOWNLINK_NATS_TLS" Switch "false" "Whether the connection to NATS must be TLS.";
    "broker.tls_ca" "DOWNLINK_NATS_TLS_CA" Text "" "A PEM file with the certificate authority of the NATS servers, beside those of the system.";
    "broker.prefix" "DOWNLINK_NATS_PREFIX" Text "\"downlink\"" "The first part of the names of streams, buckets and subjects. All nodes of a cluster have the same; two clusters on one NATS have two.";
    "broker.replicas" "DOWNLINK_NATS_REPLICAS" Number "1" "How many NATS servers keep each message: 1, 3 or 5. With 3, one of them may fail.";
    "broker.monitors" "DOWNLINK_NATS_MONITORS" List "[]" "Monitoring addresses of the NATS servers, as [\"http://10.0.0.1:8222\"]: with durability \"fsync\" a start looks there whether they sync before they answer.";
    "broker.assert_synced" "DOWNLINK_NATS_ASSERT_SYNCED" Switch "false" "Your word that all NATS servers have `sync_interval: always`, where broker.monitors cannot show it.";
    "edge.threads" "DOWNLINK_EDGE_THREADS" Number "" "Threads that serve sockets and sends. Half the cores if not set.";
    "log.format" "DOWNLINK_LOG_FORMAT" Text "\"text\"" "\"text\" or \"json\".";
    "log.level" "DOWNLINK_LOG" Text "\"info\"" "What is logged: error, warn, info, debug, trace, also by module.";
    "trace.otlp" "DOWNLINK_TRACE_OTLP" Text "" "A collector of traces that takes OTLP over HTTP, as \"http://127.0.0.1:4318\". Off if not set.";
    "trace.service" "DOWNLINK_TRACE_SERVICE" Text "\"downlink\"" "What this server is called in traces.";
    "trace.ratio" "DOWNLINK_TRACE_RATIO" Fraction "0.01" "How many of the requests that bring no trace of their own begin one: 0 to 1.";
}

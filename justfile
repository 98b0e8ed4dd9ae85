# Recipes for people who like `just`; each is one line that also works by hand.

# All that CI runs.
check:
    ./scripts/test

# One part of it: rust, browser, python, node, go, java, e2e, docs, deploy.
test *PARTS:
    ./scripts/test {{PARTS}}

# The server with demo pages.
run *ARGS:
    cargo run --release -- dev {{ARGS}}

# Three nodes on three NATS servers on this machine; Ctrl-C ends them.
cluster *PORTS:
    scripts/cluster {{PORTS}}

# The browser library's bundles, made anew.
bundle:
    cd browser && npm ci && npm run build

# The references of commands, options and metrics, made anew from the program, and all checks of the documentation.
docs:
    docs/check.py --write

# The description of the API, made anew from the code; the program serves it as it is written here.
openapi:
    DOWNLINK_OPENAPI=write cargo test --release --workspace --bin downlink -q openapi

# The documentation as a site: target/site/book/index.html. It needs mdBook: `cargo install mdbook`.
site:
    docs/check.py --site

# What the journal costs on this machine, at a million channels.
journal-spike:
    cargo run --release -p downlink-journal --example spike

# Licences and advisories of everything that is linked. `scripts/test` has an own cargo-deny, and does this too.
deny:
    cargo deny check

# Feeds a target (bodies, cursors, frames, ledger, operations, records, recovery, tokens, words) with what libFuzzer
# thinks up, for so many seconds; installs cargo-fuzz if need be.
fuzz TARGET SECONDS="600":
    fuzz/run {{TARGET}} {{SECONDS}}

# What fuzzing found goes into the corpus that `just check` replays.
fuzz-keep TARGET:
    fuzz/run --keep {{TARGET}}

# The long form of the tests that break things on purpose: about an hour. The short form is part of `just check`.
torture *TESTS:
    DOWNLINK_TORTURE=long cargo test --release --workspace --test torture --test hostile -- --nocapture --test-threads=1 {{TESTS}}

# One seed of all simulations (of a node, of the journal, of the ledger), with its steps. All seeds of the short form are
# part of `just check`.
simulate SEED:
    DOWNLINK_SEED={{SEED}} cargo test --release --workspace --lib --test simulation simulation_of -- --nocapture --test-threads=1

# About an hour of seeds.
simulate-long SEEDS="100000":
    DOWNLINK_SEEDS={{SEEDS}} cargo test --release --workspace --lib --test simulation simulation_of -- --nocapture

# Downlink beside other servers and the floor, in interleaved rounds (half an hour; installs what it compares), and how its
# cost grows: tables, plots and raw results in target/compare.
compare *ARGS:
    bench/compare/compare.py {{ARGS}}

# What several nodes on NATS cost beside one: tables and raw results in target/cluster (about four minutes).
compare-cluster *ARGS:
    bench/cluster/cluster.py {{ARGS}}

growth *ARGS:
    cargo build --release -p downlink-server
    cargo build --release --manifest-path bench/floor/Cargo.toml
    bench/compare/growth.py {{ARGS}}

# What a message and a socket cost, counted (instructions, allocations, bytes) and compared with what is recorded.
# Part of `just check`.
guard:
    cargo test --release --workspace --no-run
    cargo test --release --workspace --test guard

# Records it anew, after a change that was meant to change it. All is built as the tests build it, so that they count
# the same code.
guard-record:
    cargo test --release --workspace --no-run
    DOWNLINK_GUARD=record cargo test --release --workspace --test guard

//! What every broker does. A new one is done when it passes this suite: give it a [`Stand`] and a line of `contract!`.
#![allow(clippy::unwrap_used, reason = "helpers of tests may")]
#![allow(clippy::disallowed_methods, reason = "tests ask what time it is and use files")]

mod common;
mod deletion;
mod gaps;
mod history;
mod idempotency;
mod life;
mod nats;
#[path = "../support/nats_server.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod nats_server;
mod order;

use common::{Settings, Stand, local};

/// The whole suite, given to a macro behind what else it takes.
macro_rules! suite {
    ($then:ident, $with:tt) => {
        $then! { $with
            order: of_a_channel_under_many_publishers, is_that_of_announcements, of_many_in_one_call;
            history: is_there_when_the_answer_is, comes_in_pages, holds_texts_and_bytes_unchanged,
                passes_over_what_has_timed_out, of_many_recipients, since_a_time, knows_nothing_of_what_was_passed;
            gaps: are_said_when_the_oldest_were_dropped, are_said_for_another_life,
                are_said_for_what_was_forgotten;
            idempotency: answers_a_repetition_alike, ends_with_its_window,
                holds_for_repetitions_at_the_same_moment;
            deletion: hides_what_was_and_lets_come_what_comes, separates_the_tokens_before_from_those_after,
                reaches_readers_in_the_middle, outlives_a_restart;
            life: goes_on_after_it_was_closed, ends_with_close, moves_newest_and_end;
        }
    };
}

/// The suite for one kind of broker. `$stand` makes the place it keeps its messages in.
macro_rules! contract {
    ($name:ident, $stand:expr) => {
        mod $name {
            suite!(each_a_test, ($stand));
        }
    };
}

macro_rules! each_a_test {
    (($stand:expr) $($group:ident: $($test:ident),*;)*) => {
        $(mod $group {
            $(#[test]
            fn $test() {
                crate::run($stand, crate::$group::$test);
            })*
        })*
    };
}

/// What there is to run, by name, with a place that `$stand` makes from that name.
macro_rules! as_a_list {
    (($stand:expr) $($group:ident: $($test:ident),*;)*) => {
        [$($({
            let (name, stand) = (concat!(stringify!($group), "-", stringify!($test)), $stand);
            let run: Box<dyn FnOnce() + Send> = Box::new(move || run(stand(name), $group::$test));
            (name, run)
        }),*),*]
    };
}

contract!(memory, crate::local::memory());
contract!(os_on_files, crate::local::os_on_files());
contract!(fsync_on_files, crate::local::fsync_on_files());
contract!(fsync_in_memory, crate::local::fsync_in_memory());
contract!(on_nats, crate::common::nats::on_one_server());

/// Three servers serve all of them, a few at a time: to start as many for each would take longer than the tests.
#[test]
fn the_suite_holds_with_three_replicas() {
    const AT_ONCE: usize = 4;
    let cluster = std::sync::Arc::new(nats_server::NatsCluster::start());
    let stand = || {
        let cluster = std::sync::Arc::clone(&cluster);
        move |name: &'static str| common::nats::on_three_servers(cluster, name)
    };
    let mut tests = Vec::from(suite!(as_a_list, (stand())));
    while !tests.is_empty() {
        let few = tests.split_off(tests.len().saturating_sub(AT_ONCE));
        let threads: Vec<_> = few.into_iter().map(|(name, run)| (name, std::thread::spawn(run))).collect();
        for (name, thread) in threads {
            assert!(thread.join().is_ok(), "{name}");
        }
    }
}

fn run<T: Future<Output = ()>>(stand: Stand, test: impl FnOnce(Stand) -> T) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test(stand));
}

/// Named here so that each test says what it needs.
fn settings() -> Settings {
    Settings::default()
}

//! Waits for many descriptors, and for a time that is exact to microseconds, which `epoll_wait` itself is not.

use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, EventData, EventFlags},
    fd::{AsFd, OwnedFd},
    io::Errno,
    time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    },
};
use std::io;

/// Events that are taken at once.
const EVENTS: usize = 1_024;

/// From here on a millisecond more or less does not matter.
const LONG_NANOSECONDS: u64 = 50_000_000;

/// The timer's own token.
const TIMER: u64 = u64::MAX;

/// What happened to a descriptor.
#[derive(Clone, Copy)]
pub(crate) struct Event {
    pub(crate) token: u64,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

/// Level-triggered: one read an event, and no second one to find out that there is nothing more.
pub(crate) struct Poller {
    epoll: OwnedFd,
    timer: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER), EventFlags::IN)?;
        Ok(Self { epoll, timer, events: Vec::with_capacity(EVENTS) })
    }

    /// Watches a descriptor that is being connected: for both.
    pub(crate) fn add(&self, descriptor: impl AsFd, token: u64) -> io::Result<()> {
        let both = EventFlags::IN | EventFlags::OUT;
        Ok(epoll::add(&self.epoll, descriptor, EventData::new_u64(token), both)?)
    }

    pub(crate) fn modify(&self, descriptor: impl AsFd, token: u64, writable: bool) -> io::Result<()> {
        let flags = if writable { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
        Ok(epoll::modify(&self.epoll, descriptor, EventData::new_u64(token), flags)?)
    }

    /// Waits for the first event, at most so many nanoseconds, and appends what has happened.
    pub(crate) fn wait(&mut self, nanoseconds: u64, happened: &mut Vec<Event>) -> io::Result<()> {
        let timeout = Timespec {
            tv_sec: (nanoseconds / 1_000_000_000).try_into().unwrap_or(0),
            tv_nsec: (nanoseconds % 1_000_000_000).try_into().unwrap_or(0),
        };
        let by_timer = nanoseconds > 0 && nanoseconds < LONG_NANOSECONDS;
        if by_timer {
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: timeout };
            timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        }
        self.events.clear();
        let timeout = (!by_timer).then_some(&timeout);
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), timeout) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &self.events {
            let (flags, token) = (event.flags, event.data.u64());
            if token == TIMER {
                // Else it would be ready for ever. That it was not after all is as good.
                let _ = rustix::io::read(&self.timer, &mut [0; 8]);
                continue;
            }
            let ended = flags.intersects(EventFlags::ERR | EventFlags::HUP);
            happened.push(Event {
                token,
                readable: ended || flags.contains(EventFlags::IN),
                writable: ended || flags.contains(EventFlags::OUT),
            });
        }
        Ok(())
    }
}

//! The ways in which a connection ends, as pages and networks end them.

use crate::{
    support::Random,
    swarm::{
        decoder::Frame,
        page::{Cut, Manner, Page},
    },
};
use protocol::socket::Transport;
use std::{io, time::Duration};
use tokio::time::timeout;

/// Silence for this long is taken for a dead network: the channel is never as quiet.
const SILENCE: Duration = Duration::from_millis(150);

/// How long a connection is left alone before it is cut, at most.
const LIFE_MS: u64 = 40;

/// The connections of one page.
pub(super) struct Story {
    pub(super) random: Random,
    /// The next connection takes the next of these.
    pub(super) transports: Vec<Transport>,
    pub(super) turn: usize,
}

impl Story {
    /// The next connection, which may go on with the polls of the one before.
    async fn open(&mut self, page: &mut Page) -> io::Result<()> {
        let transport = self.transports[self.turn % self.transports.len()];
        self.turn += 1;
        let may_go_on = transport == Transport::LongPoll && self.transports.len() == 1;
        // Polls that go on say from where; a page that says nothing, or was cut off before it was told a place, begins
        // anew.
        let has_place = page.manner != Manner::Token && page.cursor.is_some();
        match may_go_on && has_place && self.random.below(2) == 0 {
            true => page.poll_on().await,
            false => page.open(transport).await,
        }
    }

    /// Comes back, and is cut in one of all ways. Nobody but the page ends a connection here.
    pub(super) async fn one_cut(&mut self, page: &mut Page) {
        self.open(page).await.unwrap();
        let life = Duration::from_millis(self.random.below(LIFE_MS));
        let cut = match self.random.below(6) {
            // The request is out, and its answer is not waited for.
            0 => Cut::Fin,
            // The first frame alone is read, though others may have come with it.
            1 => {
                while !matches!(next(page).await.unwrap(), Frame::Open { .. }) {}
                Cut::Reset
            }
            // In the middle of a frame.
            2 | 3 => {
                let listened = timeout(life, listen(page)).await;
                assert!(listened.is_err(), "{}: {listened:?}", page.name);
                page.read_little();
                let inside = timeout(SILENCE, into_a_frame(page)).await;
                assert!(!matches!(inside, Ok(Err(_))), "{}: {inside:?}", page.name);
                Cut::Fin
            }
            way => {
                let listened = timeout(life, listen(page)).await;
                assert!(listened.is_err(), "{}: {listened:?}", page.name);
                if way == 4 { Cut::Fin } else { Cut::Reset }
            }
        };
        page.cut(cut);
    }

    /// Comes back through a network that dies, and reads until nothing comes any more, or it is cut off.
    pub(super) async fn until_silence(&mut self, page: &mut Page) {
        let living = async {
            timeout(SILENCE, self.open(page)).await.map_err(|_| io::ErrorKind::TimedOut)??;
            loop {
                timeout(SILENCE, next(page)).await.map_err(|_| io::ErrorKind::TimedOut)??;
            }
        };
        let _: io::Result<()> = living.await;
        page.cut(Cut::Fin);
    }

    /// Comes back until it has had the last message.
    pub(super) async fn until_the_end(&mut self, page: &mut Page) {
        loop {
            if self.open(page).await.is_ok() && page.until("end").await.is_ok() {
                return;
            }
        }
    }
}

/// The next frame, after which another poll is asked for where one is due.
pub(super) async fn next(page: &mut Page) -> io::Result<Frame> {
    let frame = page.next().await?;
    mind(page, &frame).await?;
    Ok(frame)
}

async fn mind(page: &mut Page, frame: &Frame) -> io::Result<()> {
    match frame {
        Frame::Polled { .. } => page.poll_again().await?,
        Frame::Close { code, reason } => panic!("{} was closed: {code} {reason}", page.name),
        Frame::Refused(status) => panic!("{} was refused: {status}", page.name),
        _ => {}
    }
    Ok(())
}

/// Reads until it is given up, or the connection ends.
async fn listen(page: &mut Page) -> io::Result<()> {
    loop {
        next(page).await?;
    }
}

/// Reads until the connection stands in the middle of a frame.
async fn into_a_frame(page: &mut Page) -> io::Result<()> {
    loop {
        while let Some(frame) = page.next_here()? {
            mind(page, &frame).await?;
        }
        if page.is_inside_frame() {
            return Ok(());
        }
        page.read().await?;
    }
}

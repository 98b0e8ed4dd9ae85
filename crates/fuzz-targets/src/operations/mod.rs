//! Lists of socket operations on the real hub, its edge thread and the local broker in memory.
//!
//! A page publishes nothing and forgets nothing: it keeps its cursor over cuts and resumes, on any transport. Whatever is
//! done, in whatever order, offsets rise for it, nothing comes twice, and nothing is missing that no gap told of.

mod page;
mod wire;
mod world;

use crate::input::Input;
use page::Page;
use world::{Channel, World};

/// Each run has this many channels of its own.
const CHANNELS: usize = 2;

/// Pages at once.
const PAGES_MAX: usize = 6;

/// Operations of one run; more would only be slower.
const OPERATIONS_MAX: usize = 64;

/// More than the tail cache gives to one socket at once: whoever is that far behind is served by the broker.
const BURST: usize = 1100;

/// One byte an operation, and what it needs.
pub fn operations(data: &[u8]) {
    let world = World::get();
    let mut input = Input::new(data);
    let mut channels: Vec<Channel> = (0..CHANNELS).map(|_| world.channel()).collect();
    let mut pages: Vec<Page> = Vec::new();
    for _ in 0..OPERATIONS_MAX {
        if input.is_empty() {
            break;
        }
        operation(world, &mut input, &mut channels, &mut pages);
    }
    for page in &mut pages {
        page.settle(world, &channels);
    }
}

fn operation(world: &World, input: &mut Input<'_>, channels: &mut [Channel], pages: &mut Vec<Page>) {
    let operation = input.byte();
    let argument = usize::from(input.byte());
    let channel = argument % CHANNELS;
    match operation % 16 {
        0 | 1 => world.publish(&mut channels[channel..=channel], input.below(40), 0),
        2 => world.publish(channels, input.below(40), 0),
        3 => world.publish(&mut channels[channel..=channel], input.below(4000), 3600),
        4 => world.publish_twice(&mut channels[channel]),
        5 if argument & 0xf0 == 0xf0 => {
            (0..BURST).for_each(|_| world.publish(&mut channels[channel..=channel], 0, 0));
        }
        5 => world.pass(&mut channels[channel]),
        6 | 7 if pages.len() < PAGES_MAX => {
            let page = Page::open(world, channel, &channels[channel], input.byte());
            pages.push(page);
        }
        8 => world.tick(argument),
        9 if argument & 0xf0 == 0xf0 => world.delete(&mut channels[channel]),
        _ => {
            let count = pages.len();
            let Some(page) = pages.get_mut(argument.checked_rem(count).unwrap_or_default()) else { return };
            match operation % 16 {
                10 => page.cut(),
                11 => page.resume(world, channels, input.byte()),
                12 => page.read(world, channels),
                13 => page.renew(world, channels, input.byte()),
                14 => page.acknowledge(world),
                15 if argument & 0xf0 == 0xf0 => page.leave(world),
                _ => page.say(world, input.bytes(argument)),
            }
        }
    }
}

//! What a seed decides before anything happens: which kind of run it is.

use super::power_disk::Random;
use broker::local::Durability;

/// More than any run writes.
const PLENTY_BYTES: u64 = 8 << 20;

/// The kind of a run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) durability: Durability,
    /// So little that segments are dropped while readers are away; else more than a run writes.
    pub(super) retention_bytes: u64,
    /// Bytes of newest messages in memory: so few that readers need the disk, or plenty.
    pub(super) tail_bytes: usize,
    /// What is longer is split over segments sooner.
    pub(super) message_bytes_max: u64,
    /// Steps before everything heals.
    pub(super) steps: u32,
    /// Whether the power may fail; else only the process dies.
    pub(super) loses_power: bool,
    /// Whether the disk fails and fills.
    pub(super) breaks_disk: bool,
    /// Whether connections are cut.
    pub(super) cuts: bool,
    /// Whether the wall's clock jumps.
    pub(super) jumps: bool,
}

impl Plan {
    pub(super) fn of(seed: u64) -> Self {
        // Neighbours among the seeds shall not be alike.
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let durability = match random.below(8) {
            0 => Durability::Memory,
            1..=2 => Durability::Os,
            _ => Durability::Fsync,
        };
        Self {
            seed,
            durability,
            retention_bytes: [PLENTY_BYTES, 48 << 10, 256 << 10][random.below(3) as usize],
            tail_bytes: [600, 8 << 10, 1 << 20][random.below(3) as usize],
            message_bytes_max: [40, 400, 4_000][random.below(3) as usize],
            steps: 600 + random.below(1_500) as u32,
            loses_power: durability == Durability::Fsync && random.below(2) == 0,
            breaks_disk: durability != Durability::Memory && random.below(3) == 0,
            cuts: random.below(4) != 0,
            jumps: random.below(4) == 0,
        }
    }

    /// Whether readers may miss what was dropped.
    pub(super) fn may_trim(&self) -> bool {
        self.retention_bytes < PLENTY_BYTES
    }

    /// Whether a restart is another life of the log.
    pub(super) fn may_change_epoch(&self) -> bool {
        self.durability == Durability::Memory
    }
}

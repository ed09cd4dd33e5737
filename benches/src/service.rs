//! The service that is put under load.

use std::time::{Duration, Instant};

#[carnegie::service]
pub trait Load {
    /// What it is given.
    async fn echo(&self, payload: Vec<u8>) -> Vec<u8>;
    /// Waits without using a CPU, as for a database.
    async fn sleep(&self, micros: u32) -> u32;
    /// Uses the CPU, on the thread that serves the connection.
    async fn burn(&self, micros: u32) -> u32;
    /// Uses the CPU, on a thread of the blocking pool.
    #[rpc(blocking)]
    async fn block(&self, micros: u32) -> u32;
    /// So many bytes.
    async fn large(&self, bytes: u32) -> Vec<u8>;
    /// Runs until it is cancelled.
    #[rpc(idempotent)]
    async fn endless(&self) -> u32;
}

/// Serves it.
pub struct Loaded;

impl Load for Loaded {
    async fn echo(&self, payload: Vec<u8>) -> Vec<u8> {
        payload
    }
    async fn sleep(&self, micros: u32) -> u32 {
        tokio::time::sleep(Duration::from_micros(micros.into())).await;
        micros
    }
    async fn burn(&self, micros: u32) -> u32 {
        burn(micros)
    }
    async fn block(&self, micros: u32) -> u32 {
        burn(micros)
    }
    async fn large(&self, bytes: u32) -> Vec<u8> {
        vec![7; bytes as usize]
    }
    async fn endless(&self) -> u32 {
        std::future::pending().await
    }
}

/// Uses the CPU: the same work each time, however long it is interrupted: rounds of a generator, as many as take so long undisturbed.
pub fn burn(micros: u32) -> u32 {
    static A_MICRO: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    let rounds = *A_MICRO.get_or_init(|| {
        let fastest = (0..50).map(|_| {
            let begun = Instant::now();
            std::hint::black_box(turn(100_000));
            begun.elapsed()
        });
        let fastest = fastest.min().unwrap_or_default();
        (100_000.0 / (fastest.as_secs_f64() * 1e6)) as u64
    });
    std::hint::black_box(turn(rounds * u64::from(micros)));
    micros
}

fn turn(rounds: u64) -> u64 {
    (0..rounds)
        .fold(1, |state: u64, round| std::hint::black_box(state ^ round).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

//! How the system tells a process to end.

/// Ready when this process is told to end: by SIGTERM, as service managers and container platforms send it, or by SIGINT, which is
/// Ctrl-C on a terminal; on systems without signals by Ctrl-C alone.
///
/// ```text
/// Server::new().add(BoxOfficeServer::new(hall)).bind("0.0.0.0:7000").await?.run_until(stop_signal()).await?;
/// ```
///
/// From its first poll on, neither signal ends the process by itself any more, nor does it once this future is gone: that is how
/// tokio handles signals. Each future hears only what comes after its own first poll. Where the system refuses, it is never ready, the
/// log says so, and the signals do what they did before.
///
/// # Panics
/// When it is polled outside of a tokio runtime with I/O.
pub async fn stop_signal() {
    if let Err(error) = told().await {
        tracing::warn!(%error, "signals to end are not heard");
        std::future::pending().await
    }
}

#[cfg(unix)]
async fn told() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn told() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

//! What the client does, against a server that follows a script.

mod support;

use rpc_core::client::Retry;
use rpc_core::{BindError, Code, Error, Execution, SlotId};
use rpc_transport::{Client, connect, connect_over, connect_with, in_process};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use support::{Act, EchoClient, Seen, serve, server, soon};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;

#[tokio::test]
async fn a_call_is_answered() {
    let (address, _seen) = server(Act::Echo).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    assert_eq!(soon(client.echo(b"seat 7")).await.unwrap(), b"seat 7");
    assert_eq!(client.channel().server_address(), Some(address.to_string()));
}

#[tokio::test]
async fn many_calls_share_one_connection() {
    let (address, mut seen) = server(Act::Echo).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    let calls: Vec<_> =
        (0..3000_u32).map(|number| tokio::spawn(client.echo(&number.to_le_bytes()).into_owned())).collect();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(soon(call).await.unwrap().unwrap(), (number as u32).to_le_bytes());
    }
    assert_eq!(seen.recv().await, Some(Seen::Connected));
    while let Ok(next) = seen.try_recv() {
        assert_ne!(next, Seen::Connected);
    }
    assert_eq!(client.channel().stats().calls, 3000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_from_many_threads_get_each_its_own_answer() {
    let (address, _seen) = server(Act::Echo).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    let tasks: Vec<_> = (0..8_u32)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                for number in 0..500_u32 {
                    let data = [task.to_le_bytes(), number.to_le_bytes()].concat();
                    assert_eq!(client.echo(&data).await.unwrap(), data);
                }
            })
        })
        .collect();
    for task in tasks {
        soon(task).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_sent_before_the_first_poll() {
    let (address, mut seen) = server(Act::Echo).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    drop(client.echo(b"never"));
    soon(client.echo(b"sent")).await.unwrap();
    assert_eq!(seen.recv().await, Some(Seen::Connected));
    assert!(matches!(seen.recv().await, Some(Seen::Request { payload, .. }) if payload.ends_with(b"sent")));
}

#[tokio::test]
async fn metadata_reaches_the_server() {
    let (address, mut seen) = server(Act::Echo).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    soon(client.echo(b"").metadata("who", "Ada").metadata("why", "opera")).await.unwrap();
    seen.recv().await;
    let Some(Seen::Request { metadata, .. }) = seen.recv().await else { panic!("no request came") };
    assert_eq!(metadata, [("who".into(), "Ada".into()), ("why".into(), "opera".into())]);
}

#[tokio::test]
async fn a_call_without_an_answer_ends_at_its_deadline() {
    let (address, _seen) = server(Act::Silence).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    let timeout = Duration::from_millis(60);
    let calling = async {
        loop {
            let since = Instant::now();
            let error = client.echo(b"").timeout(timeout).await.unwrap_err();
            let took = since.elapsed();
            let Error::DeadlineExceeded { execution, after, .. } = error else { panic!("{error}") };
            assert!(took >= timeout && after == timeout, "{took:?}, {after:?}");
            // A busy machine writes or ends some of them too late, but not all.
            if execution == Execution::Unknown && took < timeout + Duration::from_millis(20) {
                return;
            }
        }
    };
    soon(calling).await;
}

#[tokio::test]
async fn a_short_deadline_is_kept_while_a_long_one_runs() {
    let (address, _seen) = server(Act::Silence).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    let long = tokio::spawn(client.echo(b"long").timeout(Duration::from_secs(600)).into_owned());
    tokio::task::yield_now().await;
    soon(client.echo(b"short").timeout(Duration::from_millis(30))).await.unwrap_err();
    assert!(!long.is_finished());
    long.abort();
}

#[tokio::test]
async fn the_channels_timeout_is_the_default_of_its_calls() {
    let (address, _seen) = server(Act::Silence).await;
    let timeout = Duration::from_millis(30);
    let client: EchoClient = soon(connect(address).timeout(timeout)).await.unwrap();
    let error = soon(client.echo(b"")).await.unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { after, .. } if after == timeout));
}

#[tokio::test]
async fn a_dropped_call_is_cancelled() {
    let (address, mut seen) = server(Act::Silence).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    let call = tokio::spawn(client.echo(b"").into_owned());
    soon(seen.recv()).await;
    let Some(Seen::Request { id, .. }) = soon(seen.recv()).await else { panic!("no request came") };
    call.abort();
    assert_eq!(soon(seen.recv()).await, Some(Seen::Cancel(id)));
}

#[tokio::test]
async fn a_server_that_does_not_know_the_session_after_a_loss_leaves_the_execution_unknown() {
    let (address, mut seen) = server(Act::HangUp).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    for _ in 0..2 {
        let error = soon(client.echo(b"")).await.unwrap_err();
        assert_eq!(error.execution(), Execution::Unknown);
        let said = format!(
            "Echo.echo: the connection to {address} is lost: the server does not know the session any more (execution \
             unknown) (request 7-0-1); attempts: {address}: the connection is lost: closed by the peer (after "
        );
        assert!(error.to_string().starts_with(&said), "{error}");
    }
    let mut connected = 0;
    while let Ok(next) = seen.try_recv() {
        connected += usize::from(next == Seen::Connected);
    }
    assert!(connected >= 2, "{connected}");
}

#[tokio::test]
async fn bytes_that_are_no_frame_end_the_connection_and_name_the_reason() {
    let (address, _seen) = server(Act::Garbage).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    let error = soon(client.echo(b"")).await.unwrap_err();
    assert!(error.to_string().contains("a frame of 4294967295 bytes is announced"), "{error}");
}

#[tokio::test]
async fn a_large_message_goes_there_and_back() {
    let (near, far) = in_process();
    let (seen, mut receiver) = mpsc::unbounded_channel();
    tokio::spawn(serve(far, Act::Silence, seen));
    let client: EchoClient = soon(connect_over(near)).await.unwrap();
    let data = vec![7; 60 << 10];
    let call = tokio::spawn(client.echo(&data).into_owned());
    soon(receiver.recv()).await;
    let Some(Seen::Request { payload, .. }) = soon(receiver.recv()).await else { panic!("no request came") };
    assert!(payload.ends_with(&data));
    call.abort();
}

#[tokio::test]
async fn a_stream_of_the_callers_own_is_not_made_again() {
    let (near, far) = in_process();
    let (seen, _receiver) = mpsc::unbounded_channel();
    tokio::spawn(serve(far, Act::HangUp, seen));
    let client: EchoClient = soon(connect_over(near).server_name("pair")).await.unwrap();
    let lost = soon(client.echo(b"")).await.unwrap_err();
    assert_eq!(lost.execution(), Execution::Unknown);
    let after = soon(client.echo(b"").timeout(Duration::from_secs(600))).await.unwrap_err();
    assert_eq!((after.execution(), after.code()), (Execution::NotExecuted, Code::Unavailable), "{after}");
}

#[tokio::test]
async fn a_dialer_is_asked_again_after_a_loss() {
    let (address, _seen) = server(Act::HangUp).await;
    let dials = Arc::new(AtomicUsize::new(0));
    let counted = dials.clone();
    let dialer = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        TcpStream::connect(address)
    };
    let client: EchoClient = soon(connect_with(dialer)).await.unwrap();
    for _ in 0..2 {
        soon(client.echo(b"")).await.unwrap_err();
    }
    assert!(dials.load(Ordering::SeqCst) >= 2);
}

#[tokio::test]
async fn nobody_listening_is_reported_at_once_with_every_address() {
    let held = TcpSocket::new_v4().unwrap();
    held.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let closed = held.local_addr().unwrap();
    let error = soon(connect::<EchoClient>(format!("{closed}, unix:/no/such/hall.sock"))).await.unwrap_err();
    let BindError::Unreachable { tried, .. } = &error else { panic!("{error}") };
    assert_eq!(tried[0].address, closed.to_string());
    assert_eq!(tried[1].address, "unix:/no/such/hall.sock");
    assert_eq!(tried[1].error, "No such file or directory (os error 2)");
}

#[tokio::test]
async fn an_address_that_cannot_be_read_is_reported() {
    let error = soon(connect::<EchoClient>("hall")).await.unwrap_err();
    assert_eq!(error.to_string(), r#"cannot read the address "hall": no port; write hall:7000"#);
}

#[tokio::test]
async fn a_server_that_starts_later_is_waited_for_if_asked() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    let connecting =
        tokio::spawn(
            async move { connect::<EchoClient>(address).wait_for_server(Duration::from_secs(50)).await },
        );
    // Long enough for a first attempt, of which nobody hears.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let listener = socket.listen(8).unwrap();
    let (seen, _receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move { serve(listener.accept().await.unwrap().0, Act::Echo, seen).await });
    let client = soon(connecting).await.unwrap().unwrap();
    assert_eq!(soon(client.echo(b"a")).await.unwrap(), b"a");
}

#[tokio::test]
async fn a_web_server_is_recognised_as_none_of_ours() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    let error = soon(connect::<EchoClient>(address)).await.unwrap_err();
    assert!(matches!(error, BindError::ProtocolMismatch { .. }), "{error}");
    assert!(error.to_string().contains("HTTP/1.1 400"), "{error}");
}

#[tokio::test]
async fn a_silent_server_is_given_up_after_the_handshakes_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let limits = rpc_core::Limits::default().handshake(Duration::from_millis(100));
    let connecting = connect::<EchoClient>(listener.local_addr().unwrap()).limits(limits);
    let error = soon(connecting).await.unwrap_err();
    assert!(matches!(error, BindError::Interrupted { .. }), "{error}");
}

#[tokio::test]
async fn the_connection_ends_with_the_last_handle() {
    let (address, mut seen) = server(Act::Echo).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    let channel = client.channel().clone();
    drop(client);
    soon(seen.recv()).await;
    assert!(seen.try_recv().is_err());
    drop(channel);
    while soon(seen.recv()).await != Some(Seen::Gone) {}
}

#[tokio::test]
async fn closing_ends_calls_and_later_ones_are_not_sent() {
    let (address, mut seen) = server(Act::Silence).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    let running = tokio::spawn(client.echo(b"").into_owned());
    soon(seen.recv()).await;
    soon(seen.recv()).await;
    client.channel().close();
    assert_eq!(soon(running).await.unwrap().unwrap_err().execution(), Execution::Unknown);
    let late = soon(client.echo(b"")).await.unwrap_err();
    assert_eq!(late.execution(), Execution::NotExecuted);
    assert_eq!(late.to_string(), "Echo.echo: not sent: the channel is closed (not executed)");
}

#[test]
fn calls_end_when_their_runtime_does() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = runtime.block_on(async {
        let (address, _seen) = server(Act::Silence).await;
        soon(connect::<EchoClient>(address)).await.unwrap()
    });
    let mut running = client.echo(b"");
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Future::poll(std::pin::Pin::new(&mut running), &mut cx).is_pending());
    runtime.shutdown_timeout(Duration::from_secs(60));
    assert!(matches!(Future::poll(std::pin::Pin::new(&mut running), &mut cx), Poll::Ready(Err(_))));
    let mut late = client.echo(b"");
    assert!(Future::poll(std::pin::Pin::new(&mut late), &mut cx).is_pending());
    assert!(matches!(Future::poll(std::pin::Pin::new(&mut late), &mut cx), Poll::Ready(Err(_))));
}

#[tokio::test]
async fn one_service_is_bound_once_however_often_it_is_asked_for() {
    let (address, _seen) = server(Act::Echo).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    for _ in 0..40_000 {
        soon(client.channel().bind::<EchoClient>()).await.unwrap();
    }
    assert!(client.supports("echo") && !client.supports("steal"));
}

#[tokio::test]
async fn a_closed_channel_binds_nothing_not_even_what_was_bound_before() {
    let (address, _seen) = server(Act::Echo).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    client.channel().close();
    assert_eq!(soon(client.channel().bind::<EchoClient>()).await.err(), Some(BindError::Closed));
}

#[tokio::test]
async fn a_call_is_small_can_be_sent_to_another_thread_and_raced_without_pinning() {
    fn is_send_and_unpin<T: Send + Unpin>(_: &T) {}
    let (address, _seen) = server(Act::Silence).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    let mut call = client.echo(b"");
    is_send_and_unpin(&call);
    assert!(size_of_val(&call) <= 96, "{}", size_of_val(&call));
    tokio::select! {
        _ = &mut call => panic!("nobody answers"),
        () = tokio::time::sleep(Duration::from_millis(5)) => {}
    }
}

/// The ids of the requests that have come so far.
fn requested(seen: &mut mpsc::UnboundedReceiver<Seen>) -> Vec<SlotId> {
    let all = std::iter::from_fn(|| seen.try_recv().ok());
    all.filter_map(|seen| if let Seen::Request { id, .. } = seen { Some(id) } else { None }).collect()
}

#[tokio::test]
async fn a_call_that_is_refused_for_now_is_made_again_as_often_as_was_set_and_its_error_lists_every_time() {
    let (address, mut seen) = server(Act::Refuse).await;
    let retry = Retry::default().attempts(3).first(Duration::from_millis(1));
    let client: EchoClient = soon(connect(address).retry(retry)).await.unwrap();
    let error = soon(client.echo(b"")).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }) && error.is_retryable(), "{error}");
    let attempts: Vec<_> = error.attempts().iter().map(|one| (&*one.address, one.what.as_str())).collect();
    assert_eq!(attempts, [(address.to_string().as_str(), "refused: full"); 3]);
    assert!(error.attempts().is_sorted_by_key(|attempt| attempt.after));
    let mut ids = requested(&mut seen);
    assert_eq!(error.request_id().map(|id| id.at), ids.last().copied(), "the last one");
    ids.dedup();
    assert_eq!((ids.len(), client.channel().stats().retried), (3, 2), "each time under another number");
}

#[tokio::test]
async fn a_channel_that_may_not_retry_makes_each_call_once() {
    let (address, mut seen) = server(Act::Refuse).await;
    let client: EchoClient = soon(connect(address).retry(Retry::default().attempts(1))).await.unwrap();
    let error = soon(client.echo(b"")).await.unwrap_err();
    assert!(error.attempts().is_empty() && !error.to_string().contains("attempts"), "{error}");
    assert_eq!((requested(&mut seen).len(), client.channel().stats().retried), (1, 0));
}

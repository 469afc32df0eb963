//! The listener that all ports share: connections, who may ask, statuses counted, an orderly end.

use super::error::Failure;
use super::{Server, inference, management, metrics};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, Semaphore};
use tower_http::catch_panic::CatchPanicLayer;

/// Connections at the same time, for each port.
const CONNECTIONS: usize = 1024;
/// How long a client may take for the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// How long answers tell the clients to come no more on the same connection, before connections are closed.
const DRAIN: Duration = Duration::from_millis(500);
/// How long the last requests have to be finished.
const LAST: Duration = Duration::from_secs(60);

/// Loading, ready, draining, and told to stop.
#[derive(Default)]
pub struct Life {
    state: AtomicU8,
    closed: Notify,
}

impl Life {
    /// The models are there.
    pub fn begin(&self) {
        self.state.store(1, Ordering::Release);
    }

    /// Whether requests are welcome.
    pub fn is_ready(&self) -> bool {
        self.state.load(Ordering::Acquire) == 1
    }

    /// Whether the models are still being read.
    pub fn is_loading(&self) -> bool {
        self.state.load(Ordering::Acquire) == 0
    }

    fn is_draining(&self) -> bool {
        self.state.load(Ordering::Acquire) >= 2
    }

    /// Begins the end. A client whose connection was closed the moment it asked again could not know whether it was heard:
    /// so clients are first told, with their next answer, that the connection is over.
    pub async fn drain(&self) {
        self.state.store(2, Ordering::Release);
        tokio::time::sleep(DRAIN).await;
        self.state.store(3, Ordering::Release);
        self.closed.notify_waiters();
    }

    async fn closed(&self) {
        loop {
            let notified = self.closed.notified();
            if self.state.load(Ordering::Acquire) == 3 {
                return;
            }
            notified.await;
        }
    }
}

/// SIGTERM and Ctrl-C.
pub struct Signals {
    term: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// If the system lets nobody listen.
    pub fn new() -> std::io::Result<Signals> {
        Ok(Signals { term: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Answers on all ports until the server's life ends, and until the last request has its answer.
pub async fn answer(server: Arc<Server>, ports: Vec<TcpListener>) {
    let routers = [
        inference::router().fallback(inference::fallback),
        management::router().fallback(management::fallback),
        metrics::router().fallback(metrics::fallback),
    ];
    let mut tasks = Vec::new();
    for (listener, router) in ports.into_iter().zip(routers) {
        let router = router
            .method_not_allowed_fallback(async || Failure::method())
            .layer(DefaultBodyLimit::disable())
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn_with_state(server.clone(), guard))
            .with_state(server.clone());
        tasks.push(tokio::spawn(listen(server.clone(), listener, router)));
    }
    for task in tasks {
        let _ = task.await;
    }
}

async fn listen(server: Arc<Server>, listener: TcpListener, router: Router) {
    let (graceful, connections) = (GracefulShutdown::new(), Arc::new(Semaphore::new(CONNECTIONS)));
    loop {
        let stream = tokio::select! {
            accepted = async {
                let place = connections.clone().acquire_owned().await;
                (listener.accept().await, place)
            } => accepted,
            () = server.life.closed() => break,
        };
        let (Ok((stream, _)), Ok(place)) = stream else {
            // Out of file descriptors, most likely: some will be given back.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD);
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that breaks off is not the server's trouble.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(LAST, graceful.shutdown()).await;
}

/// What is done with every request: its token, its status, the end of its connection.
async fn guard(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let open = matches!(request.uri().path(), "/ping" | "/v2/health/live" | "/v2/health/ready");
    let mut response = match &server.settings.token {
        Some(token) if !open && !is_bearer(&request, token) => Failure::unauthorised().into_response(),
        _ => next.run(request).await,
    };
    server.metrics.status(response.status().as_u16());
    if server.life.is_draining() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether the request has the token; how long it takes to see does not tell how much of it is right.
fn is_bearer(request: &Request, token: &str) -> bool {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let differing = given.bytes().zip(token.bytes()).fold(0, |differing, (a, b)| differing | (a ^ b));
    given.len() == token.len() && differing == 0
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    Failure::busy("The server made a mistake; come again").into_response()
}

//! Listening, serving and leaving.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::{App as ActixApp, web};
use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;

use crate::app::App;
use crate::connection::{Patience, Registry, Timed};
use crate::expect;
use crate::middleware::{RequestIds, observe};
use crate::routes;

/// How long the rest of a body is read and thrown away after an early answer. Many clients send
/// all they have before they read; a connection closed at once would lose them the answer.
const LINGER: Duration = Duration::from_secs(5);

/// Bytes of answers that a connection gathers before it writes them: two pieces of a download. With
/// actix's 32 KiB each write wakes the client for little, and a buffer that has grown beyond 128 KiB
/// is given back after each write and touched anew, which costs up to a third of the rate. The price
/// is that a connection which is kept after a large download may keep so much.
const WRITE_BUFFER: usize = 512 * 1024;

/// Connections that may wait to be accepted, if the system allows as many. With the 128 of std, a burst of
/// clients overflows it: those beyond wait for seconds until their system tries again, and an idle one
/// believes for ever that it is connected.
const BACKLOG: i32 = 4096;

/// How the server listens.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Address to bind; port 0 lets the operating system choose.
    pub listen: SocketAddr,
    /// Worker threads; 0 is one a core.
    pub workers: usize,
    /// Open connections a worker.
    pub connections: usize,
    /// Time for the head of a request.
    pub head_timeout: Duration,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// How long a client may take nothing of its answer.
    pub answer_timeout: Duration,
    /// How long requests in flight may take after the signal to leave.
    pub shutdown_timeout: Duration,
    /// Prefix of this run's request ids.
    pub run_id: String,
}

/// A server that is bound but not serving yet, so that its address can be told first.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    config: ServerConfig,
}

impl Server {
    /// Takes the address.
    ///
    /// # Errors
    /// When the address is in use or not allowed.
    pub fn bind(config: ServerConfig) -> io::Result<Self> {
        // As std does it, but for the length of the queue.
        let socket = Socket::new(Domain::for_address(config.listen), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&config.listen.into())?;
        socket.listen(BACKLOG)?;
        Ok(Self {
            listener: socket.into(),
            config,
        })
    }

    /// The address, with the port the operating system chose.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `leave` resolves, with `on_worker` run once in each worker's thread at the start; then
    /// accepts nothing more, finishes what is in flight within the configured time, and returns.
    ///
    /// # Errors
    /// When the workers could not be started.
    pub async fn run(
        self,
        app: App,
        on_worker: impl Fn() + Clone + Send + 'static,
        leave: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        self.run_routes(routes::configure, app, on_worker, leave)
            .await
    }

    async fn run_routes(
        self,
        routes: fn(&mut web::ServiceConfig),
        app: App,
        on_worker: impl Fn() + Clone + Send + 'static,
        leave: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let Self { listener, config } = self;
        let app = web::Data::new(app);
        let ids = web::Data::new(RequestIds::new(config.run_id));
        let patience = Patience {
            head: config.head_timeout,
            idle: config.keep_alive,
            answer: config.answer_timeout,
        };
        // actix-web's own `HttpServer` takes only plain streams.
        let mut server = actix_server::Server::build()
            .max_concurrent_connections(config.connections)
            .shutdown_timeout(config.shutdown_timeout.as_secs())
            .shutdown_signal(leave);
        if config.workers > 0 {
            server = server.workers(config.workers);
        }
        let leaving = server.graceful_shutdown_signal();
        // Run in each worker's thread.
        let service = move || {
            on_worker();
            let app = ActixApp::new()
                .app_data(app.clone())
                .app_data(ids.clone())
                .wrap(from_fn(observe))
                .configure(routes)
                .into_factory()
                .map_err(|error| error.error_response());
            let (app, waiting) = expect::split(map_config(app, |()| AppConfig::default()));
            let leaving = leaving.clone();
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let leaving = leaving.clone();
                    async move { leaving.notified().await }
                })
                .h1_write_buffer_size(WRITE_BUFFER)
                .keep_alive(config.keep_alive)
                .client_request_timeout(config.head_timeout)
                .client_disconnect_timeout(LINGER)
                .on_connect_ext(|stream: &Timed, known| {
                    known.insert(Rc::clone(stream.connection()));
                })
                .expect(waiting)
                .h1(app);
            let registry = Registry::new(config.connections, patience);
            fn_service(move |stream: TcpStream| {
                let peer = stream.peer_addr().ok();
                std::future::ready(Ok((Timed::new(stream, &registry), peer)))
            })
            .and_then(http)
        };
        server.listen("http", listener, service)?.run().await
    }
}

#[cfg(test)]
mod tests;

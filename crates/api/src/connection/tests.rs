//! What actix alone does not end, and what the clocks here do: the same requests against both.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use actix_http::HttpService;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, HttpServer, web};

use super::*;

const PATIENCE: Patience = Patience {
    head: Duration::from_secs(1),
    idle: Duration::from_millis(600),
    answer: Duration::from_millis(400),
};
/// Much longer than any patience above.
const LONG: Duration = Duration::from_secs(3);
const LARGE: usize = 64 << 20;

async fn small() -> &'static str {
    "small"
}

async fn large() -> Vec<u8> {
    vec![0; LARGE]
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/small", web::get().to(small))
        .route("/large", web::get().to(large));
}

async fn tell(
    request: actix_web::dev::ServiceRequest,
    next: Next<impl actix_web::body::MessageBody + 'static>,
) -> Result<actix_web::dev::ServiceResponse<Answered>, actix_web::Error> {
    let serving = request.conn_data::<Rc<Connection>>().unwrap().serve();
    let response = next.call(request).await?.map_into_boxed_body();
    Ok(response.map_body(|_, body| Answered::new(body, Some(serving))))
}

/// A server that ends with the process, as actix makes it.
fn plain() -> SocketAddr {
    start(|listener| {
        HttpServer::new(|| App::new().configure(routes))
            .workers(1)
            .client_request_timeout(PATIENCE.head)
            .keep_alive(PATIENCE.idle)
            .listen(listener)
            .unwrap()
            .run()
    })
}

/// The same with the clocks, and room for `most` connections.
fn timed(most: usize) -> SocketAddr {
    start(move |listener| {
        let service = move || {
            let app = App::new()
                .wrap(from_fn(tell))
                .configure(routes)
                .into_factory()
                .map_err(|error| error.error_response());
            let http = HttpService::build()
                .client_request_timeout(PATIENCE.head)
                .keep_alive(PATIENCE.idle)
                .on_connect_ext(|stream: &Timed, known| {
                    known.insert(Rc::clone(stream.connection()));
                })
                .h1(map_config(app, |()| AppConfig::default()));
            let registry = Registry::new(most, PATIENCE);
            fn_service(move |stream| std::future::ready(Ok((Timed::new(stream, &registry), None))))
                .and_then(http)
        };
        actix_server::Server::build()
            .workers(1)
            .max_concurrent_connections(most)
            .listen("timed", listener, service)
            .unwrap()
            .run()
    })
}

fn start(server: impl FnOnce(TcpListener) -> actix_server::Server + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (ready, is_ready) = mpsc::channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = server(listener);
            ready.send(()).unwrap();
            server.await
        })
    });
    is_ready.recv().unwrap();
    address
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

fn ask_small(stream: &mut TcpStream) {
    stream
        .write_all(b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"small") {
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "{:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..read]);
    }
}

/// How long the server lets a client go on that sends a byte of a head now and then.
fn drip(stream: &mut TcpStream) -> Duration {
    let begun = Instant::now();
    stream
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let mut head = b"GET /small HTTP/1.1\r\nX: "
        .iter()
        .chain(std::iter::repeat(&b'x'));
    while begun.elapsed() < LONG {
        let byte = *head.next().unwrap();
        if stream.write_all(&[byte]).is_err() {
            break;
        }
        match stream.read(&mut [0]) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            _ => break,
        }
    }
    begun.elapsed()
}

#[test]
fn actix_has_no_time_for_the_head_of_a_later_request_and_we_have() {
    let mut stream = connect(plain());
    ask_small(&mut stream);
    assert!(drip(&mut stream) >= LONG, "actix has learned it");
    let mut stream = connect(timed(100));
    ask_small(&mut stream);
    ask_small(&mut stream);
    let lasted = drip(&mut stream);
    assert!(lasted >= PATIENCE.head && lasted < LONG, "{lasted:?}");
}

#[test]
fn the_first_head_has_its_time_and_no_more() {
    for address in [plain(), timed(100)] {
        let lasted = drip(&mut connect(address));
        // actix reads the clock twice a second.
        assert!(lasted >= PATIENCE.head / 2 && lasted < LONG, "{lasted:?}");
    }
}

/// A client that has asked for a large answer.
fn ask_large(address: SocketAddr) -> TcpStream {
    let mut stream = connect(address);
    stream
        .write_all(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    stream
}

/// Whether the server has left within `LONG` somebody who reads nothing. What is sent meanwhile is no
/// request; that it cannot be sent any more tells that nobody is there.
fn is_left(stream: &mut TcpStream) -> bool {
    comes(LONG, || stream.write_all(b" ").is_err())
}

/// Whether `condition` comes to hold within `bound`.
fn comes(bound: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if begun.elapsed() >= bound {
            return false;
        }
        // Only the pace of asking; no result depends on it.
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// Bytes of an answer that come to who reads it.
fn taken(mut stream: TcpStream) -> usize {
    let mut taken = 0;
    let mut buffer = vec![0; 1 << 20];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        taken += read;
    }
    taken
}

#[test]
fn actix_waits_for_ever_for_who_takes_nothing_and_we_do_not() {
    let mut deaf = ask_large(plain());
    assert!(!is_left(&mut deaf), "actix has learned it");
    assert!(taken(deaf) > LARGE);
    let mut deaf = ask_large(timed(100));
    assert!(is_left(&mut deaf));
    assert!(taken(deaf) < LARGE);
    assert!(taken(ask_large(timed(100))) > LARGE);
}

fn is_open(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let open = matches!(stream.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
    stream.set_nonblocking(false).unwrap();
    open
}

#[test]
fn a_newcomer_takes_the_place_of_who_was_idle_longest() {
    let address = timed(8);
    let mut idle: Vec<_> = (0..7)
        .map(|_| {
            let mut stream = connect(address);
            ask_small(&mut stream);
            stream
        })
        .collect();
    assert!(idle.iter_mut().all(is_open));
    let mut newcomer = connect(address);
    ask_small(&mut newcomer);
    // Within a time in which being idle alone would not have ended it.
    assert!(comes(PATIENCE.idle, || !is_open(&mut idle[0])));
    assert!(idle[1..].iter_mut().all(is_open));
    // Far more than there is room for.
    for _ in 0..50 {
        idle.push(connect(address));
    }
    ask_small(&mut connect(address));
}

fn connection() -> (Rc<Connection>, Instant) {
    let now = Instant::now();
    (Rc::new(Connection::new(PATIENCE, now)), now)
}

#[test]
fn a_request_that_is_served_has_no_deadline() {
    let (connection, now) = connection();
    assert_eq!(connection.deadline(), Some(now + PATIENCE.idle + LATER));
    connection.has_read(now);
    connection.has_read(now + PATIENCE.head / 2);
    assert_eq!(connection.deadline(), Some(now + PATIENCE.head));
    assert_eq!(connection.idle_since(), Some(now));
    let serving = connection.serve();
    connection.has_read(now);
    assert_eq!(
        (connection.deadline(), connection.idle_since()),
        (None, None)
    );
    drop(serving);
    assert!(connection.idle_since() >= Some(now));
}

#[test]
fn who_takes_a_little_now_and_then_runs_out_of_time() {
    let (connection, now) = connection();
    let _serving = connection.serve();
    let mut at = now;
    let mut rounds = 0;
    loop {
        connection.is_stuck(at);
        let deadline = connection.deadline().unwrap();
        assert!(deadline <= at + PATIENCE.answer);
        at += PATIENCE.answer / 2;
        if deadline <= at {
            break;
        }
        connection.has_written(1, at);
        rounds += 1;
    }
    assert!((1..4).contains(&rounds), "{rounds}");
}

#[test]
fn who_takes_it_fast_enough_may_take_as_long_as_it_likes() {
    let (connection, now) = connection();
    let _serving = connection.serve();
    let rate = usize::try_from(LEAST_BYTES_A_SECOND).unwrap();
    let mut at = now;
    for _ in 0..1000 {
        connection.is_stuck(at);
        at += PATIENCE.answer / 2;
        assert!(connection.deadline().unwrap() > at);
        connection.has_written(rate, at);
    }
    assert_eq!(connection.deadline(), None);
}

#[test]
fn an_answer_that_is_not_taken_is_never_cut_for_a_newcomer() {
    let (connection, now) = connection();
    drop(connection.serve());
    assert!(connection.idle_since().is_some());
    connection.is_stuck(now);
    assert_eq!(connection.idle_since(), None);
}

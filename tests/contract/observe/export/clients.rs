//! Those who ask: well-behaved, many, slow, hostile.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::{Delivery, Export, Interrupt};
use support::prometheus::{read, value};
use support::{until, watchdog};

use super::exported;
use super::socket::Directory;

/// Asks, and returns the status line, the header and the body.
fn ask(path: &Path, request: &[u8]) -> Option<(String, String, String)> {
    let mut client = UnixStream::connect(path).ok()?;
    client.write_all(request).ok()?;
    let mut answer = String::new();
    // One that has sent more than is read of it may see a reset at the end.
    let _ = client.read_to_string(&mut answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let (status, header) = head.split_once("\r\n")?;
    Some((status.into(), header.into(), body.into()))
}

fn get(path: &Path) -> Option<String> {
    ask(path, b"GET /metrics HTTP/1.0\r\n\r\n").map(|(_, _, body)| body)
}

/// Each answer is whole, says what it is, and is as things are at that moment.
// Caught: an answer that is made once; a length of another answer; a connection that is kept open.
#[test]
fn s4_who_asks_gets_the_statistics_of_that_moment() {
    watchdog(|| {
        let (directory, export) = (Directory::new(), Export::new());
        let path = directory.path("driver.sock");
        let publisher = export.publish(&path).unwrap();
        assert_eq!(get(&path).unwrap(), "");
        let interrupt = exported(&export, "edu0");
        let begun = Instant::now();
        for n in 0..5 {
            for request in [
                "GET /metrics HTTP/1.0\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n",
                "GET /metrics\n\n",
            ] {
                let (status, header, body) = ask(&path, request.as_bytes()).unwrap();
                assert_eq!(status, "HTTP/1.0 200 OK");
                assert!(header.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{header}");
                assert!(header.contains(&format!("Content-Length: {}\r\n", body.len())), "{header}");
                let delivered = value(&read(&body), "interrupt_delivered_total", &[("interrupt", "edu0")]);
                assert_eq!(delivered, f64::from(n));
            }
            interrupt.service();
        }
        // A connection that is kept open is closed after 5 seconds only.
        assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
        drop(interrupt);
        assert_eq!(get(&path).unwrap(), "");
        publisher.check().unwrap();
    });
}

/// What is no request gets an error, or nothing; the next client is served.
// Caught: a client that is waited for; a panic at bytes that are no text; an answer to what is no `GET`.
#[test]
fn s4_garbage_is_refused_and_the_next_is_served() {
    watchdog(|| {
        let (directory, export) = (Directory::new(), Export::new());
        let path = directory.path("driver.sock");
        let _publisher = export.publish(&path).unwrap();
        let interrupt = exported(&export, "edu0");
        let long = [b"GET /", [b'x'; 9000].as_slice(), b"\r\n\r\n"].concat();
        let garbage: [(&[u8], &str); 5] = [
            (b"POST /metrics HTTP/1.0\r\n\r\n", "405"),
            (b"\r\n\r\n", "405"),
            (b"\xff\xfe\x00\x80\r\n\r\n", "405"),
            (&[0xff; 9000], "400"),
            (&long[..8999], "400"),
        ];
        for (request, expected) in garbage {
            let (status, _, body) = ask(&path, request).unwrap();
            assert!(status.contains(expected), "{status}");
            assert!(!body.contains("interrupt_"), "{body}");
            assert!(get(&path).unwrap().contains("edu0"));
        }
        // Half a request, and no more to come.
        let mut half = UnixStream::connect(&path).unwrap();
        half.write_all(b"GET /met").unwrap();
        half.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        half.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.0 400 "), "{answer}");
        // Nothing at all.
        drop(UnixStream::connect(&path).unwrap());
        assert!(get(&path).unwrap().contains("edu0"));
        assert!(interrupt.fault().is_none());
    });
}

/// Clients that never ask, never finish or never read are dropped. Meanwhile others are served, and so is the interrupt.
// Caught: a write that blocks; clients without a bound; a client of any kind that is kept for ever.
#[test]
fn s4_slow_and_hostile_clients_delay_nobody() {
    let kinds: [&[u8]; 3] = [b"", b"GET / HTT", b"GET / HTTP/1.0\r\n\r\n"];
    let tests = kinds.map(|sends| thread::spawn(move || watchdog(move || one_kind_of_hostile_clients(sends))));
    tests.into_iter().for_each(|test| test.join().unwrap());
}

fn one_kind_of_hostile_clients(sends: &[u8]) {
    let (directory, export) = (Directory::new(), Export::new());
    let path = directory.path("driver.sock");
    let publisher = export.publish(&path).unwrap();
    // That makes a text which is more than a socket takes at once.
    let interrupts: Vec<Interrupt<_, _>> = (0..60).map(|_| exported(&export, "edu0")).collect();
    let connect = || {
        let mut client = UnixStream::connect(&path).unwrap();
        // One that is closed at once may be so before it sends.
        let _ = client.write_all(sends);
        client
    };
    let hostile: Vec<_> = (0..12).map(|_| connect()).collect();
    for _ in 0..5 {
        assert!(get(&path).unwrap().len() > 300_000);
        assert!(matches!(interrupts[0].service(), Delivery::Answered(_)));
    }
    // While so many are there, others are closed without an answer.
    let mut more: VecDeque<_> = (0..30).map(|_| connect()).collect();
    until(|| {
        more.pop_front();
        more.push_back(connect());
        get(&path).is_none()
    });
    assert!(matches!(interrupts[0].service(), Delivery::Answered(_)));
    // Once the others have been dropped, there is room again, for as many as before.
    until(|| get(&path).is_some_and(|body| body.len() > 300_000));
    until(|| hostile.iter().chain(&more).all(is_closed));
    publisher.check().unwrap();
}

/// Whether the other side has closed. What it has sent is thrown away.
fn is_closed(mut client: &UnixStream) -> bool {
    client.set_nonblocking(true).unwrap();
    let mut bytes = [0; 1 << 16];
    loop {
        match client.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}

/// Many ask at the same time, while interrupts come and go.
// Caught: clients that are confused with one another; an interrupt that is shown after its end.
#[test]
fn s4_many_ask_while_interrupts_come_and_go() {
    watchdog(|| {
        let (directory, export) = (Directory::new(), Export::new());
        let path = directory.path("driver.sock");
        let publisher = export.publish(&path).unwrap();
        let stays = exported(&export, "stays");
        thread::scope(|scope| {
            let asks = || {
                let mut last = 0.0;
                for _ in 0..50 {
                    let families = read(&get(&path).unwrap());
                    let now = value(&families, "interrupt_delivered_total", &[("interrupt", "stays")]);
                    assert!(now >= last);
                    last = now;
                }
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(asks)).collect();
            while threads.iter().any(|thread| !thread.is_finished()) {
                let comes_and_goes = exported(&export, "comes and goes");
                comes_and_goes.service();
                stays.service();
                support::pause();
            }
        });
        assert!(!get(&path).unwrap().contains("comes"));
        publisher.check().unwrap();
    });
}

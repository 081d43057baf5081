//! The socket on which a driver publishes.

use std::fmt::Display;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use interrupt_lock::Export;
pub use interrupt_lock::Publisher;

use crate::Failure;

/// How long a driver may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read: what thousands of interrupts need.
const LONGEST: u64 = 256 << 20;

pub fn publish(export: &Export, path: &Path) -> Result<Publisher, Failure> {
    export.publish(path).map_err(Failure::of_the_device)
}

/// Asks a driver. An error is a sentence.
pub fn ask(path: &Path) -> Result<String, String> {
    let failed = |what: &str, error: &dyn Display| format!("{what} {}: {error}", path.display());
    let mut driver = UnixStream::connect(path).map_err(|error| failed("can't connect to", &error))?;
    let answer = (|| {
        driver.set_read_timeout(Some(PATIENCE))?;
        driver.set_write_timeout(Some(PATIENCE))?;
        driver.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
        let mut answer = Vec::new();
        driver.take(LONGEST).read_to_end(&mut answer).map(|_| answer)
    })();
    let answer = answer.map_err(|error: std::io::Error| failed("no answer from", &error))?;
    let answer = String::from_utf8_lossy(&answer);
    // A driver with too many clients answers nothing.
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| failed("no answer from", &"try again"))?;
    match head.split_whitespace().nth(1) {
        Some("200") => Ok(body.into()),
        _ => Err(failed("no statistics from", &head.lines().next().unwrap_or_default().escape_debug())),
    }
}

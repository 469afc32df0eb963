//! A server under test, and the plainest client there is: bytes over TCP.

use super::straggle;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// `straggle serve` on free ports; it is ended when it goes out of scope.
pub struct Server {
    child: Child,
    /// `host:port` of inference, management, metrics.
    pub ports: [String; 3],
    stdout: BufReader<std::process::ChildStdout>,
}

impl Server {
    /// Starts it in a directory with these words, and waits until it is ready.
    pub fn start(directory: &Path, words: &str) -> Server {
        let mut server = Server::loading(directory, words);
        server.wait();
        server
    }

    /// Starts it, and goes on while it reads its models.
    pub fn loading(directory: &Path, words: &str) -> Server {
        let ports = "serve --inference-port 0 --management-port 0 --metrics-port 0";
        let mut command = straggle().inside(directory).words(ports).words(words).command();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let ports = [(); 3].map(|()| {
            let mut line = String::new();
            assert!(stdout.read_line(&mut line).expect("text") > 0, "the server ended before it listened");
            line.split("http://").nth(1).expect("an address").trim().to_string()
        });
        Server { ports, child, stdout }
    }

    /// Waits until it is ready.
    pub fn wait(&mut self) {
        let mut line = String::new();
        while !line.starts_with("ready:") {
            line.clear();
            assert!(self.stdout.read_line(&mut line).expect("text") > 0, "the server ended before it was ready");
        }
    }

    /// A request on a connection of its own.
    pub fn ask(&self, port: usize, method: &str, path: &str, body: &[u8]) -> Answer {
        self.ask_with(port, method, path, "", body)
    }

    /// The same with more lines in its head, each with its end.
    pub fn ask_with(&self, port: usize, method: &str, path: &str, head: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{head}content-length: {length}\r\n\r\n"
        );
        let answer = exchange(&self.ports[port], &[head.as_bytes(), body].concat());
        answer.unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    /// Resident memory, kB; `None` where the system does not tell.
    pub fn memory_kb(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok())
    }

    /// Waits for its end: its exit status, and what it printed after it was ready.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("text");
        (self.child.wait().expect("it ends").code(), rest)
    }

    /// SIGTERM.
    pub fn tell_to_stop(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(killed.expect("kill is there").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Lower case.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }
}

/// Sends bytes on a connection of their own, and reads all that comes; `None` if that is no response.
pub fn exchange(address: &str, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    // The server may have answered before it has heard everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    parse(&answer)
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let status = head.strip_prefix("http/1.1 ")?.get(..3)?.parse().ok()?;
    Some(Answer { status, head, body: bytes[end + 4..].to_vec() })
}

/// A connection that stays open: one request after the other.
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    pub fn open(address: &str) -> std::io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.set_nodelay(true)?;
        Ok(Connection(BufReader::new(stream)))
    }

    /// Sends a request and reads the whole answer.
    pub fn ask(&mut self, method: &str, path: &str, head: &str, body: &[u8]) -> std::io::Result<Answer> {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n{head}content-length: {}\r\n\r\n", body.len());
        self.0.get_mut().write_all(&[request.as_bytes(), body].concat())?;
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let from = head.len();
            if self.0.read_line(&mut head)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let line = head[from..].trim().to_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        parse(&[head.as_bytes(), &body].concat()).ok_or(std::io::ErrorKind::InvalidData.into())
    }
}

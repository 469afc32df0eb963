//! Load on a server of this machine: so many connections for so many seconds, each with one request after the other.
//!
//! `cargo run --release --example load -- MODEL.safetensors [--connections 64] [--seconds 30] [--images 1]
//! [--address 127.0.0.1:8080]` starts nothing: it wants `straggle serve --model load=MODEL.safetensors` there. It sends digits as UINT8 tensors
//! (Open Inference Protocol), or with `--images 0` a PNG to `/predictions/load`, and compares the images a second with what
//! the network alone does in batches of 64, measured before. Exit status 1 if a request was lost or refused.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use validation::Classifier;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, otherwise: usize| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(otherwise)
    };
    let Some(file) = arguments.first() else {
        eprintln!("give the file that the server's model 'load' has");
        return ExitCode::from(2);
    };
    let at = arguments.iter().position(|argument| argument == "--address");
    let address = at.and_then(|at| arguments.get(at + 1)).map_or("127.0.0.1:8080", String::as_str);
    let (connections, seconds, images) = (number("--connections", 64), number("--seconds", 30), number("--images", 1));
    let classifier = Classifier::from_bytes(&std::fs::read(file).expect("a readable file")).expect("a checkpoint");
    let [channels, rows, columns] = classifier.input();
    let one = channels * rows * columns;
    let alone = alone(&classifier, one);
    println!("the network alone, batches of 64, one thread: {alone:.0} images/s");

    let (path, head, body) = if images == 0 {
        ("/predictions/load", String::new(), include_bytes!("../docs/seven.png").to_vec())
    } else {
        let shape = format!("[{images}, {channels}, {rows}, {columns}]");
        let head = format!(
            r#"{{"inputs":[{{"name":"images","datatype":"UINT8","shape":{shape},"parameters":{{"binary_data_size":{}}}}}]}}"#,
            images * one
        );
        let length = format!("inference-header-content-length: {}\r\n", head.len());
        ("/v2/models/load/infer", length, [head.as_bytes(), &vec![9; images * one]].concat())
    };
    let request = format!("POST {path} HTTP/1.1\r\nhost: load\r\n{head}content-length: {}\r\n\r\n", body.len());
    let request = [request.as_bytes(), &body].concat();
    let end = Instant::now() + Duration::from_secs(seconds as u64);
    let (latencies, errors) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let mut mine = Vec::new();
                if let Err(error) = client(address, &request, end, &mut mine) {
                    errors.lock().expect("no panic").push(error.to_string());
                }
                latencies.lock().expect("no panic").extend(mine);
            });
        }
    });
    let elapsed = began.elapsed().as_secs_f64();
    let (mut latencies, errors) = (latencies.into_inner().expect("no panic"), errors.into_inner().expect("no panic"));
    latencies.sort_by(f64::total_cmp);
    let quantile = |u: f64| latencies[((latencies.len() - 1) as f64 * u) as usize] * 1e3;
    let throughput = (latencies.len() * images.max(1)) as f64 / elapsed;
    println!(
        "{} requests on {connections} connections in {elapsed:.1} s, {} errors {errors:?}",
        latencies.len(),
        errors.len()
    );
    println!("{throughput:.0} images/s, {:.2} of the network alone", throughput / alone);
    println!("latency: p50 {:.1} ms, p99 {:.1} ms, greatest {:.1} ms", quantile(0.5), quantile(0.99), quantile(1.0));
    ExitCode::from(u8::from(!errors.is_empty()))
}

/// Images a second of the network alone.
fn alone(classifier: &Classifier, one: usize) -> f64 {
    let images = vec![0.5; 64 * one];
    classifier.logits(&images);
    let (began, mut batches) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_secs(2) {
        classifier.logits(&images);
        batches += 1;
    }
    64.0 * f64::from(batches) / began.elapsed().as_secs_f64()
}

/// One request after the other; the seconds that each took.
fn client(address: &str, request: &[u8], end: Instant, latencies: &mut Vec<f64>) -> std::io::Result<()> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while Instant::now() < end {
        let began = Instant::now();
        reader.get_mut().write_all(request)?;
        let (mut length, mut first) = (0, true);
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if std::mem::take(&mut first) && !line.starts_with("HTTP/1.1 200") {
                return Err(std::io::Error::other(line.trim().to_string()));
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        latencies.push(began.elapsed().as_secs_f64());
    }
    Ok(())
}

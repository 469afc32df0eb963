//! `straggle serve`, asked over TCP as its clients do.
#![cfg(feature = "serve")]

mod common;

use common::digits::{train, with_easy_digits};
use common::server::{Connection, Server, exchange};
use common::{Place, straggle};
use serde_json::{Value, json};
use std::io::Cursor;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

const INFERENCE: usize = 0;
const MANAGEMENT: usize = 1;
const METRICS: usize = 2;

/// A place with `digits.safetensors`: digit n has a white row 2n.
fn place() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| {
        let place = with_easy_digits();
        train(&place, "--data easy --model softmax --batch-size 10 --lr 0.1 --epochs 3 --policies sync --workers 1 --save digits.safetensors")
            .succeeds();
        std::fs::create_dir(place.path().join("model_store")).unwrap();
        std::fs::copy(place.path().join("digits.safetensors"), place.path().join("model_store/other.safetensors")).unwrap();
        place
    })
}

fn serve(words: &str) -> Server {
    Server::start(place().path(), &format!("--model digits=digits.safetensors {words}"))
}

/// What such a digit looks like: a white row.
fn pixels(digit: u32) -> Vec<u8> {
    (0..784).map(|i| if i / 28 == digit * 2 { 255 } else { 0 }).collect()
}

fn png(digit: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let image = image::GrayImage::from_raw(28, 28, pixels(digit)).unwrap();
    image.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}

fn first(answer: &Value) -> String {
    let classes = answer.as_object().unwrap();
    assert_eq!(classes.len(), 5);
    let best = classes.iter().max_by(|a, b| a.1.as_f64().unwrap().total_cmp(&b.1.as_f64().unwrap())).unwrap();
    best.0.clone()
}

#[test]
fn torchserves_clients_find_what_they_know() {
    let server = serve("");
    assert_eq!(server.ask(INFERENCE, "GET", "/ping", b"").json(), json!({ "status": "Healthy" }));
    for digit in [0, 3, 7, 9] {
        for (method, path) in [("PUT", "/predictions/digits"), ("POST", "/predictions/digits/1.0")] {
            let answer = server.ask(INFERENCE, method, path, &png(digit));
            assert_eq!((answer.status, first(&answer.json())), (200, digit.to_string()));
            // The most probable first, in the text itself.
            assert!(answer.text().starts_with(&format!("{{\"{digit}\":")), "{}", answer.text());
        }
    }
    let form = [
        &b"--x\r\ncontent-disposition: form-data; name=\"data\"; filename=\"a.png\"\r\n\r\n"[..],
        &png(4),
        b"\r\n--x--\r\n",
    ]
    .concat();
    let answer = server.ask_with(
        INFERENCE,
        "POST",
        "/predictions/digits",
        "content-type: multipart/form-data; boundary=x\r\n",
        &form,
    );
    assert_eq!(first(&answer.json()), "4");

    let models = json!({ "models": [{ "modelName": "digits", "modelUrl": "digits.safetensors" }] });
    assert_eq!(server.ask(MANAGEMENT, "GET", "/models", b"").json(), models);
    let described = server.ask(MANAGEMENT, "GET", "/models/digits", b"").json();
    assert_eq!(
        (&described[0]["modelVersion"], &described[0]["workers"][0]["status"]),
        (&json!("1.0"), &json!("READY"))
    );
    assert_eq!(server.ask(MANAGEMENT, "GET", "/models/digits/all", b"").json().as_array().unwrap().len(), 1);
    assert!(server.ask(INFERENCE, "OPTIONS", "/", b"").json()["paths"]["/ping"].is_object());
    let metrics = server.ask(METRICS, "GET", "/metrics", b"").text();
    for line in [
        "ts_inference_requests_total{model_name=\"digits\",model_version=\"1.0\"} 9",
        "Requests2XX ",
        "straggle_queue_length",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let page = server.ask(INFERENCE, "GET", "/", b"");
    assert!(page.text().contains("\"models\":[\"digits\"]"));
}

#[test]
fn errors_have_their_codes_types_and_sentences() {
    let server = serve("");
    let large = vec![0; 6_553_501];
    /// Port, method, path, body; status, type, a part of the message.
    type Case<'a> = (usize, &'a str, &'a str, &'a [u8], u16, &'a str, &'a str);
    let cases: [Case; 12] = [
        (INFERENCE, "PUT", "/predictions/vgg", b"x", 404, "ModelNotFoundException", "Model not found: vgg"),
        (INFERENCE, "PUT", "/predictions/digits/9", b"x", 404, "ModelVersionNotFoundException", "9 does not exist"),
        (INFERENCE, "PUT", "/predictions/digits", b"no image", 400, "BadRequestException", "no PNG or JPEG"),
        (INFERENCE, "PUT", "/predictions/digits", b"", 400, "BadRequestException", "empty"),
        (INFERENCE, "PUT", "/predictions/digits", &large, 413, "RequestEntityTooLargeException", "6553500"),
        (INFERENCE, "GET", "/predictions/digits", b"", 405, "MethodNotAllowedException", "not allowed"),
        (INFERENCE, "GET", "/models", b"", 404, "ResourceNotFoundException", &server.ports[MANAGEMENT]),
        (INFERENCE, "GET", "/metrics", b"", 404, "ResourceNotFoundException", &server.ports[METRICS]),
        (MANAGEMENT, "PUT", "/predictions/digits", b"x", 404, "ResourceNotFoundException", &server.ports[INFERENCE]),
        (MANAGEMENT, "GET", "/models/vgg", b"", 404, "ModelNotFoundException", "vgg"),
        (MANAGEMENT, "POST", "/models?url=other.safetensors", b"", 403, "ForbiddenException", "--enable-model-api"),
        (MANAGEMENT, "GET", "/models?limit=many", b"", 400, "BadRequestException", ""),
    ];
    for (port, method, path, body, status, kind, part) in cases {
        let answer = server.ask(port, method, path, body);
        let json = answer.json();
        assert_eq!(
            (answer.status, &json["code"], &json["type"]),
            (status, &json!(status), &json!(kind)),
            "{method} {path}"
        );
        assert!(json["message"].as_str().unwrap().contains(part), "{method} {path}: {json}");
    }
}

#[test]
fn the_open_inference_protocol_is_spoken_in_json_and_in_bytes() {
    let server = serve("");
    let get = |path: &str| server.ask(INFERENCE, "GET", path, b"");
    assert_eq!(
        (get("/v2/health/live").status, get("/v2/health/ready").status, get("/v2/models/digits/ready").status),
        (200, 200, 200)
    );
    assert_eq!(get("/v2").json()["extensions"], json!(["binary_tensor_data"]));
    assert_eq!(get("/v2/models/digits").json()["inputs"][0]["shape"], json!([-1, 1, 28, 28]));
    assert!(get("/v2/models/vgg").json()["error"].as_str().unwrap().contains("vgg"));

    let infer = |head: &str, body: &[u8]| server.ask_with(INFERENCE, "POST", "/v2/models/digits/infer", head, body);
    let winners = |values: &[f64]| -> Vec<usize> {
        let best = |image: &[f64]| (0..10).max_by(|&a, &b| image[a].total_cmp(&image[b])).unwrap();
        values.chunks(10).map(best).collect()
    };
    let bytes: Vec<u8> = [5, 2].into_iter().flat_map(pixels).collect();
    let body = json!({ "id": "a", "inputs": [{ "name": "images", "datatype": "UINT8", "shape": [2, 1, 28, 28], "data": bytes }] });
    let answer = infer("", body.to_string().as_bytes()).json();
    let values: Vec<f64> = serde_json::from_value(answer["outputs"][0]["data"].clone()).unwrap();
    assert_eq!(
        (&answer["id"], &answer["outputs"][0]["shape"], winners(&values)),
        (&json!("a"), &json!([2, 10]), vec![5, 2])
    );
    assert!(values.chunks(10).all(|image| (image.iter().sum::<f64>() - 1.0).abs() < 1e-5));

    let floats: Vec<u8> = bytes.iter().flat_map(|&byte| (f32::from(byte) / 255.0).to_le_bytes()).collect();
    let head = json!({
        "inputs": [{ "name": "images", "datatype": "FP32", "shape": [2, 784], "parameters": { "binary_data_size": floats.len() } }],
        "outputs": [{ "name": "probabilities", "parameters": { "binary_data": true } }],
    })
    .to_string();
    let answer =
        infer(&format!("inference-header-content-length: {}\r\n", head.len()), &[head.as_bytes(), &floats].concat());
    let length = answer
        .head
        .split("inference-header-content-length: ")
        .nth(1)
        .unwrap()
        .split("\r\n")
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let (_, binary) = answer.body.split_at(length);
    let (numbers, _) = binary.as_chunks();
    let same: Vec<f64> = numbers.iter().map(|&bytes| f32::from_le_bytes(bytes).into()).collect();
    assert_eq!(same, values, "the same pixels, the same probabilities");

    for (wrong, part) in [
        (json!({}), "protocol"),
        (json!({ "inputs": [] }), "0 inputs"),
        (json!({ "inputs": [{ "name": "x", "datatype": "FP32", "shape": [1, 784], "data": [] }] }), "'x'"),
        (json!({ "inputs": [{ "name": "images", "datatype": "INT64", "shape": [1, 784], "data": [] }] }), "INT64"),
        (
            json!({ "inputs": [{ "name": "images", "datatype": "FP32", "shape": [1, 3, 28, 28], "data": [] }] }),
            "[n, 1, 28, 28]",
        ),
        (json!({ "inputs": [{ "name": "images", "datatype": "FP32", "shape": [1, 784], "data": [1.0] }] }), "784"),
        (json!({ "inputs": [{ "name": "images", "datatype": "UINT8", "shape": [1, 784], "data": [256] }] }), "255"),
        (
            json!({ "inputs": [{ "name": "images", "datatype": "FP32", "shape": [usize::MAX, 784], "data": [0] }] }),
            "too many",
        ),
    ] {
        let answer = infer("", wrong.to_string().as_bytes());
        assert!(
            answer.status == 400 && answer.json()["error"].as_str().unwrap().contains(part),
            "{wrong}: {}",
            answer.text()
        );
    }
}

#[test]
fn models_come_and_go_only_where_that_is_allowed_and_from_the_store_only() {
    let server = serve("--enable-model-api --model-store model_store");
    let manage = |method: &str, path: &str| server.ask(MANAGEMENT, method, path, b"");
    for url in [
        "../digits.safetensors",
        "/etc/passwd",
        "a/../../digits.safetensors",
        "http://127.0.0.1/x",
        "none.safetensors",
        "",
        "%2e%2e/digits.safetensors",
        ".",
    ] {
        let answer = manage("POST", &format!("/models?url={url}&model_name=evil"));
        assert!(matches!(answer.status, 400 | 404), "{url}: {}", answer.text());
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../digits.safetensors", place().path().join("model_store/link.safetensors"))
            .unwrap();
        assert_eq!(manage("POST", "/models?url=link.safetensors").status, 404);
    }
    assert_eq!(manage("POST", "/models?url=other.safetensors&model_name=two&initial_workers=2").status, 200);
    assert_eq!(manage("POST", "/models?url=other.safetensors&model_name=two").status, 409);
    assert_eq!(manage("POST", "/models?url=other.safetensors&model_name=two&version=2.0").status, 200);
    assert_eq!(first(&server.ask(INFERENCE, "PUT", "/predictions/two/2.0", &png(6)).json()), "6");
    let page = manage("GET", "/models?limit=1").json();
    assert_eq!((&page["models"][0]["modelName"], &page["nextPageToken"]), (&json!("digits"), &json!("1")));
    assert_eq!(manage("GET", "/models?limit=1&next_page_token=1").json()["models"][0]["modelName"], "two");
    assert_eq!(manage("PUT", "/models/two?min_worker=3").status, 202);
    assert_eq!(manage("GET", "/models/two").json()[0]["minWorkers"], 3);
    assert_eq!(manage("PUT", "/models/two?min_worker=0").status, 202);
    assert_eq!(server.ask(INFERENCE, "PUT", "/predictions/two", &png(6)).status, 503);
    assert_eq!(manage("PUT", "/models/two/2.0/set-default").status, 200);
    assert_eq!(manage("DELETE", "/models/two/2.0").status, 403, "the default of two versions stays");
    assert_eq!(manage("DELETE", "/models/two").status, 200);
    assert_eq!(server.ask(INFERENCE, "PUT", "/predictions/two", &png(6)).status, 404);
}

#[test]
fn a_token_is_asked_for() {
    let place = place();
    straggle()
        .inside(place.path())
        .words("serve --model digits=digits.safetensors --host 0.0.0.0")
        .fails(2)
        .says("--token-file");
    std::fs::write(place.path().join("short"), "secret").unwrap();
    straggle()
        .inside(place.path())
        .words("serve --model digits=digits.safetensors --token-file short")
        .fails(3)
        .says("16");
    std::fs::write(place.path().join("token"), "a-long-enough-token\n").unwrap();
    let server = serve("--token-file token");
    assert_eq!(server.ask(INFERENCE, "GET", "/ping", b"").status, 200);
    let with = |head: &str| server.ask_with(INFERENCE, "PUT", "/predictions/digits", head, &png(1)).status;
    assert_eq!(with("authorization: Bearer a-long-enough-token\r\n"), 200);
    for head in ["", "authorization: Bearer wrong\r\n", "authorization: Basic a-long-enough-token\r\n"] {
        assert_eq!(with(head), 401, "{head}");
    }
    assert_eq!(server.ask(MANAGEMENT, "GET", "/models", b"").status, 401);
}

#[test]
fn what_cannot_be_served_is_said_before_anything_is_ready() {
    let place = Place::new().with("bad.safetensors", b"no model").with("c.toml", b"model = [\"a=bad.safetensors\"]\n");
    let serve = |words: &str| {
        straggle()
            .inside(place.path())
            .words("serve --inference-port 0 --management-port 0 --metrics-port 0")
            .words(words)
    };
    serve("").fails(2).says("--model lenet=lenet.safetensors");
    serve("--model lenet").fails(2).says("lenet=lenet.safetensors");
    serve("--model a=none.safetensors").fails(3).says("none.safetensors");
    serve("--model a=bad.safetensors").fails(3).says("bad.safetensors");
    serve("--model a=b --max-batch-delay 5").fails(2).says("2ms");
    // The same from a file, and what it says as JSON.
    let said = serve("--config c.toml --json").fails(3);
    let listening: Value = serde_json::from_str(said.says("bad.safetensors").stdout.trim()).expect("a line of JSON");
    assert_eq!(listening["event"], "listening");
    assert!(listening["metrics"].as_str().is_some_and(|address| address.starts_with("127.0.0.1:")), "{listening}");
}

/// A model that comes through a pipe is read for as long as nobody writes: so the time before "ready" can be looked at.
#[cfg(unix)]
#[test]
fn before_the_models_are_there_the_server_is_not_healthy() {
    let (place, model) = (Place::new(), place().path().join("digits.safetensors"));
    let pipe = place.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is there").success());
    let mut server = Server::loading(place.path(), "--model digits=pipe");
    for (method, path, body) in [
        ("GET", "/ping", Vec::new()),
        ("PUT", "/predictions/digits", png(1)),
        ("GET", "/v2/health/ready", Vec::new()),
        ("POST", "/v2/models/digits/infer", b"{}".to_vec()),
    ] {
        let answer = server.ask(INFERENCE, method, path, &body);
        assert_eq!(answer.status, 503, "{path}: {}", answer.text());
    }
    let answer = server.ask(INFERENCE, "GET", "/ping", b"");
    assert!(answer.head.contains("retry-after: ") && answer.json()["status"] == "Unhealthy", "{answer:?}");
    assert_eq!(server.ask(INFERENCE, "GET", "/v2/health/live", b"").status, 200);
    std::fs::write(&pipe, std::fs::read(model).unwrap()).unwrap();
    server.wait();
    assert_eq!(server.ask(INFERENCE, "GET", "/ping", b"").json()["status"], "Healthy");
    assert_eq!(first(&server.ask(INFERENCE, "PUT", "/predictions/digits", &png(1)).json()), "1");

    let server = Server::loading(place.path(), "--model digits=pipe");
    server.tell_to_stop();
    assert_eq!(server.ended().0, Some(0), "told to stop before it was ready");
}

#[test]
fn a_full_queue_says_come_again() {
    let server = serve("--queue-size 1 --batch-size 1");
    // Requests that take a while: two thousand images each.
    let head = json!({ "inputs": [{ "name": "images", "datatype": "UINT8", "shape": [2000, 784], "parameters": { "binary_data_size": 2000 * 784 } }] }).to_string();
    let body = [head.as_bytes(), &vec![7; 2000 * 784]].concat();
    let head = format!("inference-header-content-length: {}\r\n", head.len());
    let answers = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| {
                let answer = server.ask_with(INFERENCE, "POST", "/v2/models/digits/infer", &head, &body);
                assert!(answer.status == 200 || answer.head.contains("retry-after: "), "{answer:?}");
                answers.lock().unwrap().push(answer.status);
            });
        }
    });
    let answers = answers.into_inner().unwrap();
    assert!(answers.iter().all(|status| matches!(status, 200 | 503)) && answers.contains(&200), "{answers:?}");
    assert_eq!(server.ask(INFERENCE, "GET", "/ping", b"").status, 200);
}

#[test]
fn no_accepted_request_is_lost_when_the_server_is_told_to_stop() {
    let server = serve("");
    let (address, image) = (server.ports[INFERENCE].clone(), png(8));
    let (stop, answered) = (AtomicBool::new(false), Mutex::new(0u64));
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    // A client as HTTP/1.1 wants it: it does not use a connection that was said to be over.
                    let mut connection = Connection::open(&address).unwrap();
                    loop {
                        let answer = connection
                            .ask("PUT", "/predictions/digits", "", &image)
                            .expect("every request has its answer");
                        assert_eq!(answer.status, 200, "{}", answer.text());
                        *answered.lock().unwrap() += 1;
                        if answer.head.contains("connection: close") {
                            return;
                        }
                        assert!(!stop.load(Ordering::Relaxed), "the server goes on after it was told to stop");
                    }
                })
            })
            .collect();
        while *answered.lock().unwrap() < 200 {
            std::thread::sleep(Duration::from_millis(5));
        }
        server.tell_to_stop();
        for client in clients {
            client.join().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    let (status, said) = server.ended();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("has its answer"), "{said}");
}

/// A request whose body never comes keeps a server that was told to stop, but not after a second signal.
#[test]
fn who_tells_a_server_to_stop_twice_does_not_wait_for_the_last_request() {
    use std::io::Write;
    let server = serve("--timeout 60s");
    let mut slow = std::net::TcpStream::connect(&server.ports[INFERENCE]).expect("somebody listens");
    slow.write_all(b"PUT /predictions/digits HTTP/1.1\r\nhost: t\r\ncontent-length: 100\r\n\r\nabc").expect("sent");
    // The request is there before the end begins.
    assert_eq!(server.ask(INFERENCE, "GET", "/ping", b"").status, 200);
    server.tell_to_stop();
    let closed = |_| std::net::TcpStream::connect(&server.ports[INFERENCE]).is_err();
    assert!((0..1000).any(|i| closed(i) || {
        std::thread::sleep(Duration::from_millis(10));
        false
    }));
    server.tell_to_stop();
    assert_eq!(server.ended().0, Some(130));
    drop(slow);
}

/// Requests as nobody should send them, ten thousand of them.
#[test]
fn malformed_requests_do_no_harm() {
    let count: u64 = 10_000;
    // One of them may remove the model that they are about.
    let server = serve("--enable-model-api --timeout 2s --model kept=digits.safetensors");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let methods = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "HEAD", "get", "TRACE", "\u{7f}", ""];
    let paths = [
        "/predictions/digits",
        "/predictions/../../etc/passwd",
        "/predictions/%2e%2e%2f%2e%2e",
        "/predictions/%ff%fe",
        "/v2/models/digits/infer",
        "/v2/models/%00/infer",
        "/models?url=../../x",
        "/models?limit=-1",
        "/models?limit=99999999999999999999",
        "/models/digits/all/../..",
        "//",
        "*",
        "/models?next_page_token=18446744073709551615",
        "/models/digits?min_worker=-3",
        "/ping?",
        "/v2/models/digits/versions/1.0/infer",
        "/predictions/",
        "http://elsewhere/predictions/digits",
    ];
    let heads = [
        "",
        "content-type: multipart/form-data; boundary=x\r\n",
        "content-type: multipart/form-data\r\n",
        "inference-header-content-length: 99999\r\n",
        "inference-header-content-length: -1\r\n",
        "transfer-encoding: chunked\r\n",
        "content-length: 5\r\n",
        "expect: 100-continue\r\n",
        "x: \u{1}\r\n",
        "no colon here\r\n",
        "accept-encoding: gzip\r\n",
    ];
    let json = br#"{"inputs":[{"name":"images","datatype":"FP32","shape":[1,1,28,28],"data":[1,2,3]}]}"#;
    let image = png(3);
    let (mut statuses, mut memory) = (std::collections::BTreeMap::new(), None);
    for i in 0..count {
        if i == count / 4 {
            memory = server.memory_kb();
        }
        let mut body = match next(6) {
            0 => Vec::new(),
            1 => json.to_vec(),
            2 => image.clone(),
            3 => vec![b'['; 1 + next(3000)],
            4 => (0..next(300)).map(|_| next(256) as u8).collect(),
            _ => [&b"--x\r\ncontent-disposition: form-data; name=\"data\"\r\n\r\n"[..], &image[..next(image.len())]]
                .concat(),
        };
        // A few bytes are something else.
        for _ in 0..next(4) {
            if !body.is_empty() {
                let place = next(body.len());
                body[place] = next(256) as u8;
            }
        }
        let (method, path, head) = (methods[next(methods.len())], paths[next(paths.len())], heads[next(heads.len())]);
        let length = if next(20) == 0 { 1 << 40 } else { body.len() };
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n{head}content-length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend(body);
        if next(25) == 0 {
            request.truncate(next(request.len() + 1));
        }
        if request.is_empty() {
            continue;
        }
        // Whoever has said all that he will say closes his side, so that the server need not wait for the rest.
        let answer = send_and_close(&server.ports[next(2)], &request);
        let status = answer.map_or(0, |status| status);
        assert!(
            status < 500 || status == 503,
            "{status} to {}",
            String::from_utf8_lossy(&request[..request.len().min(300)])
        );
        *statuses.entry(status).or_insert(0) += 1;
    }
    println!("answers by status (0: the connection was closed): {statuses:?}");
    assert_eq!(first(&server.ask(INFERENCE, "PUT", "/predictions/kept", &image).json()), "3");
    if let (Some(before), Some(after)) = (memory, server.memory_kb()) {
        println!("resident memory: {before} kB after a quarter of the requests, {after} kB after all");
        assert!(after < before + 16 * 1024, "memory grew from {before} to {after} kB");
    }
}

fn send_and_close(address: &str, request: &[u8]) -> Option<u16> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let _ = stream.write_all(request);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

#[test]
fn a_slow_request_is_given_up() {
    let server = serve("--timeout 1s");
    let began = Instant::now();
    let answer = exchange(
        &server.ports[INFERENCE],
        b"PUT /predictions/digits HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncontent-length: 100\r\n\r\nabc",
    );
    assert_eq!(answer.expect("an answer").status, 408);
    assert!(began.elapsed() >= Duration::from_secs(1));
}

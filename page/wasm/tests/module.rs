//! The committed WebAssembly module: does it answer as its source does?
//!
//! It is run by an interpreter, so the test needs no browser and no WebAssembly target. Answers are compared as text, digit
//! by digit, where only additions, multiplications and square roots are in them; logarithms, powers and exponentials come
//! from another library in the browser and may differ in the last of 17 digits, which may shift an event.

use std::path::Path;
use straggle_page::Session;
use wasmi::{Engine, Linker, Memory, Module, Store, TypedFunc};

struct Page {
    store: Store<()>,
    memory: Memory,
    input: TypedFunc<u32, u32>,
    answer: TypedFunc<(), u32>,
    output: TypedFunc<(), u32>,
}

impl Page {
    fn load() -> Page {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../straggle.wasm");
        let engine = Engine::default();
        let module = Module::new(&engine, std::fs::read(path).expect("the committed module")).expect("a module");
        assert_eq!(module.imports().count(), 0, "the page has nothing to give to the module");
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module).expect("no imports");
        Page {
            memory: instance.get_memory(&store, "memory").expect("a memory"),
            input: instance.get_typed_func(&store, "input").expect("input"),
            answer: instance.get_typed_func(&store, "answer").expect("answer"),
            output: instance.get_typed_func(&store, "output").expect("output"),
            store,
        }
    }

    fn answer(&mut self, question: &str) -> String {
        let place = self.input.call(&mut self.store, question.len() as u32).expect("room for a question");
        self.memory.write(&mut self.store, place as usize, question.as_bytes()).expect("inside of the memory");
        let length = self.answer.call(&mut self.store, ()).expect("no trap");
        let place = self.output.call(&mut self.store, ()).expect("a place");
        let mut bytes = vec![0; length as usize];
        self.memory.read(&self.store, place as usize, &mut bytes).expect("inside of the memory");
        String::from_utf8(bytes).expect("UTF-8")
    }
}

const OLD: &str = "the committed page/straggle.wasm is older than its source; make it again by page/build";

/// Exponential, uniform and constant times are drawn without any function of the C library.
const PORTABLE: &[&str] = &[
    "policies",
    "task Ada",
    "check 5 Ada",
    "check 99 Ada",
    "simulate --workers 1,2,5 --updates 200",
    "simulate --workers 4 --updates 200 --seed 7 --step-time 'shifted-exp(0.1, 3)' --policies sync,k-sync:2,k-async:2,k-batch-sync:3,k-batch-async:3,async,ssp:1,local:4",
    "simulate --workers 3 --updates 200 --step-time 'uniform(0.2, 0.9)' --speeds 1,1,0.5 --delay 'constant(0.1)' --policies async,local:2",
    "simulate --workers 4 --updates 200 --step-time 'markov(exp(4), exp(1), 20, 5)' --policies sync,async",
    "simulate --workers 2,4 --updates 200 --step-time 'exp(2); exp(1)' --comm ring --payload 1.2GB --bandwidth 25GB/s --latency 10us",
    "simulate --workers 4 --updates 200 --step-time 'uniform(0.2, 0.9)' --mtbf 1h --restart 5m --contention 1,1.1 --policies sync,async",
    "lanes --workers 4 --until 6 --policies sync,async",
    "lanes --workers 4 --from 3 --until 6 --policies k-sync:2,k-async:3 --seed 3",
    "staleness --workers 5 --updates 500 --policies sync,async,k-async:2",
    "draw --workers 6 --step 3",
    "nonsense",
    "simulate --workers 0",
    "simulate --step-time asink(2)",
];

const OTHERS: &[&str] = &[
    "law --step-time 'lognormal(-1, 0.5)'",
    "simulate --workers 4 --updates 300 --step-time 'weibull(0.7, 0.4)' --policies sync,async,k-async:2",
    "simulate --workers 4 --updates 300 --step-time 'lognormal(-1, 0.5)' --policies sync,async",
    "simulate --workers 4 --updates 300 --step-time 'pareto(0.3, 2.5)' --policies sync,ssp:2",
    "simulate --workers 4 --updates 300 --step-time 'hyper-exp(0.9, 2, 0.2)' --policies async,local:3",
    "loss --workers 3 --updates 60 --learner 'quadratic(1, 1, 0.05)'",
    "data\n0,0,1.5\n1,0,1.25\n0,1,2\n1,1,3\n0,2,\n1,2,0.5",
    "simulate --workers 3 --updates 100 --step-time 'trace(data)'",
    "simulate --workers 3 --updates 100 --step-time 'trace(data, rows)'",
    "law --step-time 'trace(data, by-worker)'",
    "simulate --workers 4 --updates 100 --comm ring --latency 10us",
    "simulate --workers 4 --comm ring",
];

#[test]
fn the_committed_module_answers_as_its_source_does() {
    let (mut page, mut native) = (Page::load(), Session::default());
    for question in PORTABLE {
        assert_eq!(page.answer(question), native.answer(question), "{question}: {OLD}");
    }
    for question in OTHERS {
        let (page, native) = (page.answer(question), native.answer(question));
        let (words, numbers) = split(&page);
        let (native_words, native_numbers) = split(&native);
        assert_eq!(words, native_words, "{question}: {OLD}");
        for (x, y) in numbers.iter().zip(&native_numbers) {
            assert!((x - y).abs() <= 1e-9 * y.abs(), "{question}: {x} is not {y}; {OLD}");
        }
    }
}

/// What an answer says between its numbers, and the numbers.
fn split(answer: &str) -> (Vec<&str>, Vec<f64>) {
    let parts = answer.split(|c: char| ",:[]{}() \"".contains(c)).filter(|part| !part.is_empty());
    let (numbers, words): (Vec<&str>, Vec<&str>) = parts.partition(|part| part.parse::<f64>().is_ok());
    (words, numbers.iter().map(|number| number.parse().expect("just parsed")).collect())
}

#[test]
fn a_question_as_long_as_a_file_is_read() {
    let mut page = Page::load();
    let rows: String = (0..5000).map(|i| format!("{},{},{}\n", i % 4, i / 4, 1 + i % 7)).collect();
    assert!(page.answer(&format!("data\n{rows}")).contains("\"count\":5000,\"workers\":4"));
}

//! Exports of the WebAssembly module: two functions over its linear memory, no imports.
//!
//! The page calls `input(n)`, writes n bytes of UTF-8 where it says, calls `answer()`, and reads that many bytes at
//! `output()`. Addresses are numbers here; only the page's own view of the memory follows them.
#![expect(unsafe_code, reason = "an exported name must be unique in the module, which the compiler cannot check")]

use crate::Session;
use std::cell::RefCell;

#[derive(Default)]
struct Exchange {
    session: Session,
    input: Vec<u8>,
    output: Vec<u8>,
}

thread_local! {
    static EXCHANGE: RefCell<Exchange> = RefCell::default();
}

/// Makes room for a question of so many bytes; its address.
#[unsafe(no_mangle)]
pub extern "C" fn input(length: usize) -> usize {
    EXCHANGE.with_borrow_mut(|exchange| {
        exchange.input = vec![0; length];
        exchange.input.as_ptr() as usize
    })
}

/// Answers the question; the answer's length in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> usize {
    EXCHANGE.with_borrow_mut(|exchange| {
        let question = String::from_utf8_lossy(&exchange.input).into_owned();
        exchange.output = exchange.session.answer(&question).into_bytes();
        exchange.output.len()
    })
}

/// The answer's address.
#[unsafe(no_mangle)]
pub extern "C" fn output() -> usize {
    EXCHANGE.with_borrow(|exchange| exchange.output.as_ptr() as usize)
}

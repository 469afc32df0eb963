//! Max-pooling, row by row: first the greatest of a window's rows, then the greatest of neighbours in that line.
//!
//! A NaN wins, as in burn and PyTorch, so that a training that diverges shows. Comparing for it costs more than pooling
//! does; whether a channel has one is found out beforehand, 16 numbers at a time.

use super::matrix::{numbers, tensor};
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use std::ops::Range;

/// Which windows of an image are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Rows and columns of a window.
    pub kernel: [usize; 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// Rows and columns beyond each edge, where nothing is.
    pub padding: usize,
}

impl Windows {
    /// How many windows there are along a side: 0 for rows, 1 for columns.
    fn count(self, side: usize, length: usize) -> usize {
        (length + 2 * self.padding - self.kernel[side]) / self.stride[side] + 1
    }

    /// What the `window`-th one covers of a side of that length.
    fn covered(self, side: usize, window: usize, length: usize) -> Range<usize> {
        let start = window * self.stride[side];
        start.saturating_sub(self.padding)..length.min((start + self.kernel[side]).saturating_sub(self.padding))
    }
}

/// `[n, channels, rows, columns]`: the greatest number in each window.
pub fn forward(x: &FlexTensor, windows: Windows) -> FlexTensor {
    let x = x.to_contiguous();
    let [images, channels, high, wide] = x.shape().dims();
    let [rows, columns] = [windows.count(0, high), windows.count(1, wide)];
    let mut y = vec![f32::NEG_INFINITY; images * channels * rows * columns];
    // A row of the image with its padding, where nothing is greater than what is not there.
    let mut line = vec![f32::NEG_INFINITY; wide + 2 * windows.padding];
    for (x, y) in numbers(&x).chunks_exact(high * wide).zip(y.chunks_exact_mut(rows * columns)) {
        let greatest = if has_nan(x) { raise::<true> } else { raise::<false> };
        for (row, y) in y.chunks_exact_mut(columns).enumerate() {
            line.fill(f32::NEG_INFINITY);
            for row in windows.covered(0, row, high) {
                greatest(&mut line[windows.padding..][..wide], &x[row * wide..][..wide], 1);
            }
            for step in 0..windows.kernel[1] {
                greatest(y, &line[step..], windows.stride[1]);
            }
        }
    }
    tensor(y, [images, channels, rows, columns])
}

/// The gradient of `x`, from that of `y`, the output: it goes to the first number in a window that is the greatest.
pub fn input(x: &FlexTensor, y: &FlexTensor, output: &FlexTensor, windows: Windows) -> FlexTensor {
    let (x, y, output) = (x.to_contiguous(), y.to_contiguous(), output.to_contiguous());
    let ([images, channels, high, wide], [_, _, rows, columns]) = (x.shape().dims(), y.shape().dims());
    let mut input = vec![0f32; images * channels * high * wide];
    let outputs = numbers(&y).chunks_exact(rows * columns).zip(numbers(&output).chunks_exact(rows * columns));
    let inputs = input.chunks_exact_mut(high * wide).zip(numbers(&x).chunks_exact(high * wide));
    for ((input, x), (y, output)) in inputs.zip(outputs) {
        for (row, (y, output)) in y.chunks_exact(columns).zip(output.chunks_exact(columns)).enumerate() {
            let down = windows.covered(0, row, high);
            for (column, (&y, &output)) in y.iter().zip(output).enumerate() {
                let across = windows.covered(1, column, wide);
                // A window in which nothing is has no place.
                if let Some(place) = place(x, wide, down.clone(), across, y) {
                    input[place] += output;
                }
            }
        }
    }
    tensor(input, [images, channels, high, wide])
}

/// Where the first number of a window is that is its greatest, `y`.
#[inline(always)]
fn place(x: &[f32], wide: usize, down: Range<usize>, across: Range<usize>, y: f32) -> Option<usize> {
    let is = |at: usize| x[at] == y || (x[at].is_nan() && y.is_nan());
    if down.len() == 2 && across.len() == 2 {
        // Which of four it will be nobody can foresee: without a branch.
        let first = down.start * wide + across.start;
        let found = [first + wide + 1, first + wide, first + 1, first].into_iter();
        return Some(found.fold(first, |found, at| if is(at) { at } else { found }));
    }
    down.flat_map(|row| across.clone().map(move |column| row * wide + column)).find(|&at| is(at))
}

/// Whether a number is none, without a branch for each.
fn has_nan(numbers: &[f32]) -> bool {
    let (chunks, rest) = numbers.as_chunks::<16>();
    let mut found = [false; 16];
    chunks.iter().for_each(|chunk| found.iter_mut().zip(chunk).for_each(|(found, x)| *found |= x.is_nan()));
    found.contains(&true) || rest.iter().any(|x| x.is_nan())
}

/// Raises each number to every `stride`-th of the others, if that is greater.
fn raise<const NAN_WINS: bool>(to: &mut [f32], from: &[f32], stride: usize) {
    fn each<'a, const NAN_WINS: bool>(to: &mut [f32], from: impl Iterator<Item = &'a f32>) {
        let keeps = |to: f32, from: f32| to > from || (NAN_WINS && to.is_nan());
        to.iter_mut().zip(from).for_each(|(to, &from)| *to = if keeps(*to, from) { *to } else { from });
    }
    // The usual strides are known to the compiler.
    match stride {
        1 => each::<NAN_WINS>(to, from.iter()),
        2 => each::<NAN_WINS>(to, from.iter().step_by(2)),
        stride => each::<NAN_WINS>(to, from.iter().step_by(stride)),
    }
}

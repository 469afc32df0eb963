//! Convolution with stride 1 as a matrix product over patches (im2col), and its gradients.
//!
//! Of so many images that a matrix of patches fits into a core's cache, the patches are laid out in columns:
//! `weight [outputs, patch] · patches [patch, images · places]` is the output, channel by channel. The gradient of the weight
//! is the product of the output's gradient with the transposed patches, that of the input the product with the transposed
//! weight, summed back into the image (col2im).
//!
//! Behind a max-pooling, nearly all of the output's gradient is 0. Where less than a sixteenth is not, both gradients are
//! summed up entry by entry instead, with channels last, so that a row of a patch is one run of memory.

use super::matrix::{multiply, numbers, rows, sum, tensor, transposed};
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use faer::Accum;
use std::ops::Range;

/// Columns of a matrix of patches.
const COLUMNS: usize = 512;

/// `x * weight + bias`.
pub fn forward(x: &FlexTensor, weight: &FlexTensor, bias: &FlexTensor, padding: usize) -> FlexTensor {
    let shape = Shape::new(x, weight, padding);
    let (x, weight, bias) = (x.to_contiguous(), weight.to_contiguous(), bias.to_contiguous());
    let weight = rows(numbers(&weight), shape.outputs);
    let mut output = vec![0f32; shape.images * shape.output()];
    let (mut patches, mut result) = (Vec::new(), Vec::new());
    let parts = numbers(&x).chunks(shape.at_once() * shape.input());
    for (x, output) in parts.zip(output.chunks_mut(shape.at_once() * shape.output())) {
        let images = x.len() / shape.input();
        shape.lay_out(x, &mut patches);
        result.resize(shape.outputs * images * shape.places(), 0.0);
        multiply(&mut result, Accum::Replace, weight, rows(&patches, shape.patch()));
        for (image, output) in output.chunks_exact_mut(shape.output()).enumerate() {
            let channels = result.chunks_exact(images * shape.places()).zip(numbers(&bias));
            for (output, (result, bias)) in output.chunks_exact_mut(shape.places()).zip(channels) {
                let result = &result[image * shape.places()..][..shape.places()];
                output.iter_mut().zip(result).for_each(|(to, from)| *to = from + bias);
            }
        }
    }
    tensor(output, [shape.images, shape.outputs, shape.rows, shape.columns])
}

/// The gradients of weight and bias, from that of the output.
pub fn parameters(
    x: &FlexTensor,
    weight: &FlexTensor,
    output: &FlexTensor,
    padding: usize,
) -> (FlexTensor, FlexTensor) {
    let shape = Shape::new(x, weight, padding);
    let (x, output) = (x.to_contiguous(), output.to_contiguous());
    let mut weight = vec![0f32; shape.outputs * shape.patch()];
    let mut bias = vec![0f32; shape.outputs];
    let mut channels_last = Vec::new(); // of the weight: what is summed up entry by entry
    let (mut patches, mut gathered) = (Vec::new(), Vec::new());
    let parts = numbers(&x).chunks(shape.at_once() * shape.input());
    for (x, output) in parts.zip(numbers(&output).chunks(shape.at_once() * shape.output())) {
        for output in output.chunks_exact(shape.output()) {
            let channels = bias.iter_mut().zip(output.chunks_exact(shape.places()));
            channels.for_each(|(bias, output)| *bias += sum(output));
        }
        if is_sparse(output) {
            channels_last.resize(weight.len(), 0.0);
            for (x, output) in x.chunks_exact(shape.input()).zip(output.chunks_exact(shape.output())) {
                let x = transposed(x, shape.channels);
                shape.for_each_run(output, |Run { output, by, within_patch, within_image, length }| {
                    let weight = &mut channels_last[output * shape.patch() + within_patch..][..length];
                    weight.iter_mut().zip(&x[within_image..][..length]).for_each(|(to, x)| *to += by * x);
                });
            }
        } else {
            shape.lay_out(x, &mut patches);
            shape.gather(output, &mut gathered);
            let (output, patches) = (rows(&gathered, shape.outputs), rows(&patches, shape.patch()));
            multiply(&mut weight, Accum::Add, output, patches.transpose());
        }
    }
    let [high, wide] = shape.kernel;
    for (to, from) in weight.chunks_exact_mut(shape.patch()).zip(channels_last.chunks_exact(shape.patch())) {
        to.iter_mut().zip(transposed(from, high * wide)).for_each(|(to, from)| *to += from);
    }
    (tensor(weight, [shape.outputs, shape.channels, high, wide]), tensor(bias, [shape.outputs]))
}

/// The gradient of the input, from that of the output.
pub fn input(x: &FlexTensor, weight: &FlexTensor, output: &FlexTensor, padding: usize) -> FlexTensor {
    let shape = Shape::new(x, weight, padding);
    let (weight, output) = (weight.to_contiguous(), output.to_contiguous());
    let weight = numbers(&weight);
    let mut channels_last: Vec<f32> = Vec::new(); // of the weight: for what is summed up entry by entry
    let mut input = vec![0f32; shape.images * shape.input()];
    let (mut patches, mut gathered, mut image) = (Vec::new(), Vec::new(), vec![0f32; shape.input()]);
    let parts = numbers(&output).chunks(shape.at_once() * shape.output());
    for (input, output) in input.chunks_mut(shape.at_once() * shape.input()).zip(parts) {
        if is_sparse(output) {
            if channels_last.is_empty() {
                channels_last
                    .extend(weight.chunks_exact(shape.patch()).flat_map(|one| transposed(one, shape.channels)));
            }
            for (input, output) in input.chunks_exact_mut(shape.input()).zip(output.chunks_exact(shape.output())) {
                image.fill(0.0);
                shape.for_each_run(output, |Run { output, by, within_patch, within_image, length }| {
                    let weight = &channels_last[output * shape.patch() + within_patch..][..length];
                    image[within_image..][..length].iter_mut().zip(weight).for_each(|(to, w)| *to += by * w);
                });
                input.copy_from_slice(&transposed(&image, shape.high * shape.wide));
            }
        } else {
            shape.gather(output, &mut gathered);
            patches.resize(shape.patch() * input.len() / shape.input() * shape.places(), 0.0);
            let (weight, output) = (rows(weight, shape.outputs), rows(&gathered, shape.outputs));
            multiply(&mut patches, Accum::Replace, weight.transpose(), output);
            shape.sum_back(&patches, input);
        }
    }
    tensor(input, [shape.images, shape.channels, shape.high, shape.wide])
}

/// Whether less than a sixteenth is not 0.
fn is_sparse(gradient: &[f32]) -> bool {
    gradient.iter().map(|x| usize::from(*x != 0.0)).sum::<usize>() * 16 < gradient.len()
}

/// The sizes of a convolution.
struct Shape {
    images: usize,
    channels: usize, // of the input
    high: usize,
    wide: usize,
    outputs: usize, // channels of the output
    rows: usize,
    columns: usize,
    kernel: [usize; 2],
    padding: usize,
}

/// A row of a patch, as far as it lies in the image, under an entry of the output that is not 0. Channels are last.
struct Run {
    output: usize,       // channel
    by: f32,             // the entry
    within_patch: usize, // where the row begins
    within_image: usize,
    length: usize,
}

impl Shape {
    fn new(x: &FlexTensor, weight: &FlexTensor, padding: usize) -> Shape {
        let ([images, channels, high, wide], [outputs, _, below, across]) = (x.shape().dims(), weight.shape().dims());
        let (rows, columns) = (high + 2 * padding + 1 - below, wide + 2 * padding + 1 - across);
        Shape { images, channels, high, wide, outputs, rows, columns, kernel: [below, across], padding }
    }

    /// Places of an output channel.
    fn places(&self) -> usize {
        self.rows * self.columns
    }

    /// Numbers in a patch: channel by channel, row by row.
    fn patch(&self) -> usize {
        self.channels * self.kernel[0] * self.kernel[1]
    }

    /// Numbers in an image.
    fn input(&self) -> usize {
        self.channels * self.high * self.wide
    }

    /// Numbers in an image's output.
    fn output(&self) -> usize {
        self.outputs * self.places()
    }

    /// Images whose patches are multiplied together.
    fn at_once(&self) -> usize {
        COLUMNS.div_ceil(self.places())
    }

    /// Whole rows of pixels that the `i`-th number of all patches is: where in an image, and where among the places.
    fn pieces(&self, i: usize) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + '_ {
        let [kernel_high, kernel_wide] = self.kernel;
        let (channel, below, right) = (i / (kernel_high * kernel_wide), i / kernel_wide % kernel_high, i % kernel_wide);
        // The places whose number lies in the image and not beyond its edge.
        let inside = |step: usize, side: usize, places: usize| {
            self.padding.saturating_sub(step)..places.min((side + self.padding).saturating_sub(step))
        };
        let (down, across) = (inside(below, self.high, self.rows), inside(right, self.wide, self.columns));
        let down = if across.is_empty() { 0..0 } else { down };
        down.map(move |row| {
            let pixel =
                (channel * self.high + row + below - self.padding) * self.wide + across.start + right - self.padding;
            let place = row * self.columns + across.start;
            (pixel..pixel + across.len(), place..place + across.len())
        })
    }

    /// im2col: `into` becomes `[patch, images · places]`.
    fn lay_out(&self, x: &[f32], into: &mut Vec<f32>) {
        let columns = x.len() / self.input() * self.places();
        into.resize(self.patch() * columns, 0.0);
        if self.padding > 0 {
            into.fill(0.0);
        }
        for (i, into) in into.chunks_exact_mut(columns).enumerate() {
            for (x, into) in x.chunks_exact(self.input()).zip(into.chunks_exact_mut(self.places())) {
                self.pieces(i).for_each(|(pixels, places)| into[places].copy_from_slice(&x[pixels]));
            }
        }
    }

    /// col2im, the transpose of `lay_out`: adds `[patch, images · places]` up in the images.
    fn sum_back(&self, patches: &[f32], into: &mut [f32]) {
        let columns = into.len() / self.input() * self.places();
        for (i, patches) in patches.chunks_exact(columns).enumerate() {
            for (into, patches) in into.chunks_exact_mut(self.input()).zip(patches.chunks_exact(self.places())) {
                for (pixels, places) in self.pieces(i) {
                    into[pixels].iter_mut().zip(&patches[places]).for_each(|(to, from)| *to += from);
                }
            }
        }
    }

    /// From `[images, outputs, places]` to `[outputs, images · places]`.
    fn gather(&self, output: &[f32], into: &mut Vec<f32>) {
        into.clear();
        for channel in 0..self.outputs {
            for image in output.chunks_exact(self.output()) {
                into.extend_from_slice(&image[channel * self.places()..][..self.places()]);
            }
        }
    }

    /// Looks at every run of one image's output.
    fn for_each_run(&self, output: &[f32], mut look: impl FnMut(Run)) {
        let [high, wide] = self.kernel;
        for (i, &by) in output.iter().enumerate().filter(|(_, by)| **by != 0.0) {
            let (output, row, column) = (i / self.places(), i / self.columns % self.rows, i % self.columns);
            let across = self.padding.saturating_sub(column)..wide.min(self.wide + self.padding - column);
            for step in self.padding.saturating_sub(row)..high.min(self.high + self.padding - row) {
                let place = (row + step - self.padding) * self.wide + column + across.start - self.padding;
                look(Run {
                    output,
                    by,
                    within_patch: (step * wide + across.start) * self.channels,
                    within_image: place * self.channels,
                    length: across.len() * self.channels,
                });
            }
        }
    }
}

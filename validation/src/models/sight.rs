//! How does LeNet see? Its two convolutions and three poolings, as matrix products over patches, there and back.
//!
//! ```text
//! image 28x28 · conv 1->16 5x5 pad 1 · ReLU · max-pool 2 pad 1 · conv 16->64 5x5 · ReLU · max-pool 2 · dropout · max-pool 5
//!             26x26x16                        14x14x16           10x10x64                5x5x64              1x1x64
//! ```
//! The same function with less work, by three identities:
//!
//! - ReLU and the addition of a bias are monotone, so they commute with a maximum and come after it, on a quarter of the
//!   numbers. The maximum that pads with nothing equals one whose outermost windows look twice at the edge.
//! - Dropout's factor is 0 or 2 and ReLU's result is not negative, so the last two poolings, with dropout between them,
//!   are *one* maximum over all 100 places, from which the windows dropped are left out.
//! - So the gradient of the second convolution comes back to one place a channel, and not to 100: its two large matrix
//!   products shrink to sums over 64 patches an image. (Where several places tie, the first gets it all.)
//!
//! Channels come last, so that a patch is made of long runs of memory. Shapes: `n` images in a batch.

use burn::tensor::activation::relu;
use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};
use rand::Rng;

use crate::data::mnist::{PIXELS, SIDE};
use crate::models::dense::{Affine, relu_backward};
use crate::models::product::Factor::{Plain, Turned};
use crate::models::product::product;

/// Rows, and columns, of a patch.
pub const KERNEL: usize = 5;
/// Channels after the first convolution.
pub const FIRST: usize = 16;
/// Channels after the second convolution, and features that an image is reduced to.
pub const FEATURES: usize = 64;
/// Pixels that a patch of the first convolution covers: row by row.
pub const FIRST_PATCH: usize = KERNEL * KERNEL;
/// Numbers that a patch of the second convolution covers: row by row, and all channels of a place side by side.
pub const SECOND_PATCH: usize = KERNEL * KERNEL * FIRST;

const POOLED: usize = 14; // side after the first pooling
const CELLS: usize = POOLED * POOLED;
const GRID: usize = 10; // side after the second convolution
const PLACES: usize = GRID * GRID;
const WINDOWS: usize = GRID / 2; // side after the second pooling
const KEPT: f64 = 0.5; // probability that dropout keeps a unit

/// Which numbers lie under which patch: fixed tables, on their device.
#[derive(Clone, Debug)]
pub struct Sight {
    corners: [Tensor<1, Int>; 4], // pixels under the patches of one corner of all pooling windows
    cells: Tensor<1, Int>,        // cells under the patches of all places
    device: Device,
}

/// What the way back needs to know of the way there.
pub struct Seen {
    patches: [Tensor<2>; 4], // [n * CELLS, FIRST_PATCH] each: one for each corner of the pooling window
    choices: [Tensor<2>; 3], // which of two was greater: right above, right below, below
    first: Tensor<2>,        // [n * CELLS, FIRST]
    second_patches: Tensor<2>, // [n * PLACES, SECOND_PATCH]
    places: Tensor<2, Int>,  // [n, FEATURES]: where in PLACES the maximum was
    scale: f64,              // what dropout multiplied the survivors by
    /// `[n, FEATURES]`
    pub features: Tensor<2>,
}

impl Sight {
    /// The tables for `device`.
    pub fn new(device: &Device) -> Self {
        let table = |indices: Vec<i64>| {
            let shape = [indices.len()];
            Tensor::from_data(TensorData::new(indices, shape), device)
        };
        let corners = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(below, right)| table(pixels(below, right)));
        Self { corners, cells: table(cells()), device: device.clone() }
    }

    /// −∞ for the windows that dropout silences and 0 for the others, `[n, WINDOWS, 1, WINDOWS, 1, FEATURES]`.
    pub fn silence(&self, n: usize, key: &mut impl Rng) -> Tensor<6> {
        let count = n * WINDOWS * WINDOWS * FEATURES;
        let mut silent = Vec::with_capacity(count);
        while silent.len() < count {
            let word = key.next_u64(); // KEPT is 1/2: a bit a unit. The count is a multiple of 64.
            silent.extend((0..u64::BITS).map(|bit| if word >> bit & 1 == 1 { f32::NEG_INFINITY } else { 0.0 }));
        }
        Tensor::from_data(TensorData::new(silent, [n, WINDOWS, 1, WINDOWS, 1, FEATURES]), &self.device)
    }

    /// The features of images `[n, PIXELS]`.
    pub fn forward(&self, images: &[f32], [first, second]: [&mut Affine; 2], silent: Option<Tensor<6>>) -> Seen {
        let n = images.len() / PIXELS;
        let images = framed(images, &self.device);
        let mut patches =
            self.corners.clone().map(|corner| images.clone().select(1, corner).reshape([n * CELLS, FIRST_PATCH]));
        let [a, b, c, d] = patches.each_mut().map(|patches| product(Plain(patches), Plain(&mut first.weight)));
        let ((above, right_above), (below, right_below)) = (greater(a, b), greater(c, d));
        let (greatest, lower) = greater(above, below);
        let first = relu(greatest + first.bias.clone());

        let cells = first.clone().reshape([n, CELLS, FIRST]).select(1, self.cells.clone());
        let mut second_patches = cells.reshape([n * PLACES, SECOND_PATCH]);
        let grid = product(Plain(&mut second_patches), Plain(&mut second.weight));
        let (grid, scale) = match silent {
            Some(silent) => {
                let windows = [n, WINDOWS, 2, WINDOWS, 2, FEATURES];
                ((grid.reshape(windows) + silent).reshape([n, PLACES, FEATURES]), 1.0 / KEPT)
            }
            None => (grid.reshape([n, PLACES, FEATURES]), 1.0),
        };
        let (greatest, places) = grid.max_dim_with_indices(1);
        let features = relu(greatest.reshape([n, FEATURES]) + second.bias.clone()) * scale;
        Seen {
            patches,
            choices: [right_above, right_below, lower],
            first,
            second_patches,
            places: places.reshape([n, FEATURES]),
            scale,
            features,
        }
    }

    /// The gradients of the two layers, from the gradient `back` of the features, `[n, FEATURES]`.
    pub fn backward(&self, seen: Seen, second: &Affine, back: Tensor<2>) -> [Affine; 2] {
        let [n, _] = back.dims();
        let back = relu_backward(seen.features, back) * seen.scale;
        let images = |stride: usize| {
            let first = Tensor::<1, Int>::arange(0..n as i64, &self.device) * stride as i64;
            first.reshape([n, 1])
        };
        let patches = (seen.places.clone() + images(PLACES)).reshape([n * FEATURES]);
        let patches = seen.second_patches.select(0, patches).reshape([n, FEATURES, SECOND_PATCH]);
        let each = back.clone().reshape([n, FEATURES, 1]);
        let weight = (patches * each.clone()).sum_dim(0).reshape([FEATURES, SECOND_PATCH]).transpose();
        let second_gradient = Affine { weight, bias: back.sum_dim(0) };

        // Each maximum sends its share back to the cells of its patch.
        let shares = second.weight.clone().transpose().reshape([1, FEATURES, SECOND_PATCH]) * each;
        let corner = seen.places.clone() + seen.places / GRID as i64 * (POOLED - GRID) as i64 + images(CELLS);
        let steps: Vec<i64> = (0..KERNEL * KERNEL).map(|i| (i / KERNEL * POOLED + i % KERNEL) as i64).collect();
        let steps = Tensor::<2, Int>::from_data(TensorData::new(steps, [1, KERNEL * KERNEL]), &self.device);
        let cells = (corner.reshape([n * FEATURES, 1]) + steps).reshape([n * FEATURES * KERNEL * KERNEL]);
        let back = Tensor::<2>::zeros([n * CELLS, FIRST], &self.device).select_assign(
            0,
            cells,
            shares.reshape([n * FEATURES * KERNEL * KERNEL, FIRST]),
            IndexingUpdateOp::Add,
        );

        let back = relu_backward(seen.first, back);
        let bias = back.clone().sum_dim(0);
        let [right_above, right_below, lower] = seen.choices;
        let (above, below) = parted(back, lower);
        let ((a, b), (c, d)) = (parted(above, right_above), parted(below, right_below));
        let weight = seen
            .patches
            .into_iter()
            .zip([a, b, c, d])
            .map(|(mut patches, mut back)| product(Turned(&mut patches), Plain(&mut back)))
            .reduce(|sum, part| sum + part)
            .expect("there are four corners");
        [Affine { weight, bias }, second_gradient]
    }
}

/// The greater of two, and a 1 where it is the second.
fn greater(first: Tensor<2>, second: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let is_second = first.clone().lower(second.clone());
    (first.mask_where(is_second.clone(), second), is_second.float())
}

/// The way back through `greater`.
fn parted(back: Tensor<2>, is_second: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let second = back.clone() * is_second;
    (back - second.clone(), second)
}

/// The images, each followed by a zero: the pixel beyond the edge. `[n, PIXELS + 1]`
fn framed(images: &[f32], device: &Device) -> Tensor<2> {
    let n = images.len() / PIXELS;
    let mut framed = Vec::with_capacity(n * (PIXELS + 1));
    for image in images.chunks_exact(PIXELS) {
        framed.extend_from_slice(image);
        framed.push(0.0);
    }
    Tensor::from_data(TensorData::new(framed, [n, PIXELS + 1]), device)
}

/// The pixels under the patch of one corner (upper or `below`, left or `right`) of each cell's pooling window: `CELLS`
/// times `FIRST_PATCH` numbers in `0..=PIXELS`.
fn pixels(below: usize, right: usize) -> Vec<i64> {
    const LAST: usize = SIDE + 2 - KERNEL; // the convolution's last row and column, with padding 1
    let place = |cell: usize, step: usize| (2 * cell + step).saturating_sub(1).min(LAST);
    let pixel = |row: usize, column: usize| match (row.checked_sub(1), column.checked_sub(1)) {
        (Some(row), Some(column)) if row < SIDE && column < SIDE => row * SIDE + column,
        _ => PIXELS,
    };
    (0..CELLS * FIRST_PATCH)
        .map(|i| {
            let (cell, within) = (i / FIRST_PATCH, i % FIRST_PATCH);
            let (row, column) = (place(cell / POOLED, below), place(cell % POOLED, right));
            pixel(row + within / KERNEL, column + within % KERNEL) as i64
        })
        .collect()
}

/// The cells under the patch of each place: `PLACES` times `KERNEL * KERNEL` numbers in `0..CELLS`.
fn cells() -> Vec<i64> {
    (0..PLACES)
        .flat_map(|place| {
            let corner = place / GRID * POOLED + place % GRID;
            (0..KERNEL * KERNEL).map(move |within| (corner + within / KERNEL * POOLED + within % KERNEL) as i64)
        })
        .collect()
}

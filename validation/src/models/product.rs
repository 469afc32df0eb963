//! Who multiplies matrices? burn does, wherever it runs; on the CPU this file does it faster.
//!
//! burn's CPU backend multiplies by the crate `gemm`, whose kernels take about twice the time of those behind `faer`: these
//! are written in assembly for AVX2 and for AVX-512, and chosen at run time. `faer` is also a safe face for them.

use burn::tensor::{Device, Tensor, TensorData};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// A factor of a product, borrowed: its numbers are taken out, used where they lie, and put back.
pub enum Factor<'a> {
    /// A matrix.
    Plain(&'a mut Tensor<2>),
    /// The transpose of a matrix.
    Turned(&'a mut Tensor<2>),
}

/// The matrix product.
pub fn product(mut left: Factor, mut right: Factor) -> Tensor<2> {
    let device = left.matrix().device();
    if device != Device::flex() {
        return left.view().matmul(right.view());
    }
    let (left_data, right_data) = (left.take(), right.take());
    let (first, second) = (left.array(&left_data), right.array(&right_data));
    let (rows, columns) = (first.nrows(), second.ncols());
    let mut result = vec![0f32; rows * columns];
    let space = MatMut::from_row_major_slice_mut(&mut result, rows, columns);
    matmul(space, Accum::Replace, first, second, 1.0, Par::Seq);
    *left.matrix() = Tensor::from_data(left_data, &device);
    *right.matrix() = Tensor::from_data(right_data, &device);
    Tensor::from_data(TensorData::new(result, [rows, columns]), &device)
}

impl Factor<'_> {
    fn matrix(&mut self) -> &mut Tensor<2> {
        match self {
            Self::Plain(matrix) | Self::Turned(matrix) => matrix,
        }
    }

    fn view(&self) -> Tensor<2> {
        match self {
            Self::Plain(matrix) => Tensor::clone(matrix),
            Self::Turned(matrix) => Tensor::clone(matrix).transpose(),
        }
    }

    /// The numbers of the matrix, row by row; not copied if it alone has them.
    fn take(&mut self) -> TensorData {
        let matrix = self.matrix();
        let nothing = Tensor::empty([0, 0], &matrix.device());
        std::mem::replace(matrix, nothing).into_data()
    }

    fn array<'d>(&self, data: &'d TensorData) -> MatRef<'d, f32> {
        let numbers = data.as_slice().expect("every tensor here is of f32");
        let array = MatRef::from_row_major_slice(numbers, data.shape()[0], data.shape()[1]);
        match self {
            Self::Plain(_) => array,
            Self::Turned(_) => array.transpose(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Factor::{Plain, Turned};
    use super::*;

    #[test]
    fn a_product_is_the_one_that_burn_makes_whichever_way_the_factors_lie() {
        let device = Device::flex();
        let matrix = |rows: usize, columns: usize, offset: usize| {
            let numbers =
                (0..rows * columns).map(|i| ((i * 37 + offset) % 101) as f32 / 101.0 - 0.5).collect::<Vec<_>>();
            Tensor::<2>::from_data(TensorData::new(numbers, [rows, columns]), &device)
        };
        for (rows, inner, columns) in [(1, 1, 1), (3, 1, 2), (1, 7, 5), (33, 20, 170), (40, 300, 10), (30, 70, 200)] {
            let (mut a, mut b) = (matrix(rows, inner, 1), matrix(inner, columns, 2));
            let (mut at, mut bt) = (matrix(inner, rows, 3), matrix(columns, inner, 4));
            let pairs = [
                (product(Plain(&mut a), Plain(&mut b)), a.clone().matmul(b.clone())),
                (product(Turned(&mut at), Plain(&mut b)), at.transpose().matmul(b)),
                (product(Plain(&mut a), Turned(&mut bt)), a.matmul(bt.transpose())),
            ];
            for (ours, burns) in pairs {
                let furthest: f32 = (ours - burns).abs().max().into_scalar();
                assert!(furthest < 1e-5, "{furthest} for {rows} x {inner} x {columns}");
            }
        }
    }
}

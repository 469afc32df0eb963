//! Who multiplies matrices? burn does, wherever it runs; on the CPU this file may do it faster.
//!
//! burn's CPU backend multiplies by the crate `gemm`, whose default kernels are AVX2 (and whose AVX-512 kernels, measured,
//! are no faster). `matrixmultiply`, behind `ndarray`, a safe face for it, picks AVX-512 at run time where the machine has
//! it, and takes about half the time where the result is wide, as in the first layer of a dense network. Where it is
//! narrow, as in the convolutions (16 and 64 columns) and before the softmax (10), `gemm` is the faster.

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array2, ArrayView2, linalg::general_mat_mul};

/// A factor of a product, borrowed: its numbers are taken out, used where they lie, and put back.
pub enum Factor<'a> {
    /// A matrix.
    Plain(&'a mut Tensor<2>),
    /// The transpose of a matrix.
    Turned(&'a mut Tensor<2>),
}

/// Columns from which on `matrixmultiply` is the faster.
const WIDE: usize = 128;

/// The matrix product.
pub fn product(mut left: Factor, mut right: Factor) -> Tensor<2> {
    let device = left.matrix().device();
    let [rows, columns] = [left.view().dims()[0], right.view().dims()[1]];
    if device != Device::flex() || columns < WIDE {
        return left.view().matmul(right.view());
    }
    let mut result = Array2::zeros((rows, columns));
    let (left_data, right_data) = (left.take(), right.take());
    // It is at its best where the left factor and the result lie column by column and the right factor row by row. So the
    // factors change places, and one that lies across is turned over first, which takes less time than to read it so.
    let turned = left.array(&left_data).reversed_axes();
    let (first, second) = (right.array(&right_data), turned.as_standard_layout());
    general_mat_mul(1.0, &first.as_standard_layout().t(), &second, 0.0, &mut result.view_mut().reversed_axes());
    *left.matrix() = Tensor::from_data(left_data, &device);
    *right.matrix() = Tensor::from_data(right_data, &device);
    let (result, _) = result.into_raw_vec_and_offset(); // zeros lie row by row, from the first
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

    fn array<'d>(&self, data: &'d TensorData) -> ArrayView2<'d, f32> {
        let numbers = data.as_slice().expect("every tensor here is of f32");
        let shape = data.shape();
        let array = ArrayView2::from_shape((shape[0], shape[1]), numbers).expect("data lie row by row");
        match self {
            Self::Plain(_) => array,
            Self::Turned(_) => array.reversed_axes(),
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

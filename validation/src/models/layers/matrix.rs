//! Matrix products by `faer`, whose kernels for AVX2 and AVX-512 take about half the time of those behind burn's CPU backend.
//!
//! Tensors are read where they lie; of a transposed one the strides are, too.

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// The product of `[rows, inner]` and `[inner, columns]`.
pub fn product(left: FlexTensor, right: FlexTensor) -> FlexTensor {
    let (left, right) = (readable(left), readable(right));
    let (left, right) = (view(&left), view(&right));
    let (rows, columns) = (left.nrows(), right.ncols());
    let mut result = vec![0f32; rows * columns];
    multiply(&mut result, Accum::Replace, left, right);
    tensor(result, [rows, columns])
}

/// Replaces `into`, row by row, by the product, or adds it.
pub fn multiply(into: &mut [f32], accum: Accum, left: MatRef<f32>, right: MatRef<f32>) {
    let into = MatMut::from_row_major_slice_mut(into, left.nrows(), right.ncols());
    matmul(into, accum, left, right, 1.0, Par::Seq);
    free_upper_halves();
}

/// The kernels leave the upper halves of the vector registers in use. All code that is compiled for the lower halves, which
/// is the rest of this program, then takes up to three times as long on Zen 5, until somebody says that they are free.
fn free_upper_halves() {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        simd.avx._mm256_zeroupper();
    }
}

/// A matrix of so many rows.
pub fn rows(numbers: &[f32], rows: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(numbers, rows, numbers.len() / rows)
}

/// A tensor of these numbers.
pub fn tensor<const D: usize>(numbers: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(numbers, shape))
}

/// The numbers of a contiguous tensor.
///
/// # Panics
/// If it is not contiguous, or of another type.
pub fn numbers(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("a contiguous tensor of f32")
}

/// The transpose of a matrix of so many rows.
pub fn transposed(matrix: &[f32], rows: usize) -> Vec<f32> {
    let mut result = vec![0f32; matrix.len()];
    for (row, numbers) in matrix.chunks_exact(matrix.len() / rows).enumerate() {
        result[row..].iter_mut().step_by(rows).zip(numbers).for_each(|(to, from)| *to = *from);
    }
    result
}

/// The sum in 16 lanes, so that no addition waits for the one before.
pub fn sum(numbers: &[f32]) -> f32 {
    let (chunks, rest) = numbers.as_chunks::<16>();
    let mut lanes = [0f32; 16];
    chunks.iter().for_each(|chunk| lanes.iter_mut().zip(chunk).for_each(|(lane, number)| *lane += number));
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// Whether a matrix is the transpose of a contiguous one.
fn is_transposed(matrix: &FlexTensor) -> bool {
    let [rows, columns] = matrix.shape().dims::<2>();
    let layout = matrix.layout();
    layout.strides() == [1, rows as isize]
        && layout.start_offset() == 0
        && matrix.storage::<f32>().len() == rows * columns
}

/// The same matrix, contiguous or the transpose of such.
fn readable(matrix: FlexTensor) -> FlexTensor {
    if matrix.as_slice::<f32>().is_some() || is_transposed(&matrix) { matrix } else { matrix.to_contiguous() }
}

fn view(matrix: &FlexTensor) -> MatRef<'_, f32> {
    let [rows, columns] = matrix.shape().dims();
    match matrix.as_slice() {
        Some(numbers) => MatRef::from_row_major_slice(numbers, rows, columns),
        None => MatRef::from_column_major_slice(matrix.storage(), rows, columns),
    }
}

//! Made-up digits, easy to tell apart, and `straggle train` on them.

use super::{Place, Script, straggle};

/// 300 images that are easy to tell apart, and another 100 to be evaluated on.
pub const EASY: &str = "--data easy --model softmax --batch-size 10 --lr 0.1";

/// `straggle train`, run here, with these words.
pub fn train(place: &Place, words: &str) -> Script {
    straggle().inside(place.path()).args(["train"]).words(words)
}

/// A file of images or labels as MNIST has them: magic, sizes, bytes.
pub fn idx(magic: u32, sizes: &[u32], bytes: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let header = std::iter::once(&magic).chain(sizes).flat_map(|word| word.to_be_bytes());
    header.chain(bytes).collect()
}

/// Images of digit n: row 2n is white, and some noise.
pub fn images(count: u32) -> Vec<u8> {
    let pixel = |i: u32| {
        let (image, row) = (i / 784, i % 784 / 28);
        let noise = (i.wrapping_mul(2_654_435_761) >> 26) as u8; // up to 63
        noise + if row == image % 10 * 2 { 192 } else { 0 }
    };
    idx(0x803, &[count, 28, 28], (0..count * 784).map(pixel))
}

pub fn labels(count: u32) -> Vec<u8> {
    idx(0x801, &[count], (0..count).map(|i| (i % 10) as u8))
}

pub fn with_easy_digits() -> Place {
    Place::new()
        .with("easy/train-images-idx3-ubyte", images(300))
        .with("easy/train-labels-idx1-ubyte", labels(300))
        .with("easy/t10k-images-idx3-ubyte", images(100))
        .with("easy/t10k-labels-idx1-ubyte", labels(100))
}

//! Images of any size, as a model wants them.
//!
//! A digit is dark on light paper or light on dark; MNIST's are light on dark, twenty pixels high, with their centre of mass in
//! the middle of 28 x 28 (LeCun et al. 1998). Pictures of another size are brought to that form. Coloured images are
//! scaled until the shorter side fits, and cut to the middle.

use super::error::Failure;
use super::predictor::Shape;
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageFormat, ImageReader, Limits, Luma, Rgba};
use std::io::Cursor;

/// Pixels on a side, at most: four times a large photograph.
const LARGEST: u32 = 16_384;

/// Pixels that are decoded in less than a millisecond.
const SMALL: u64 = 128 * 128;

/// Whether an image says that it has few pixels.
pub fn is_small(bytes: &[u8]) -> bool {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let size = reader.ok().and_then(|reader| reader.into_dimensions().ok());
    size.is_none_or(|(width, height)| u64::from(width) * u64::from(height) <= SMALL)
}

/// Pixels from 0 to 1, `[channels, rows, columns]`.
///
/// # Errors
/// If the bytes are no PNG or JPEG image.
pub fn pixels(bytes: &[u8], [channels, rows, columns]: Shape) -> Result<Vec<f32>, Failure> {
    let image = decode(bytes)?;
    let unit = |byte: u8| f32::from(byte) / 255.0;
    let (rows, columns) = (rows as u32, columns as u32);
    if channels == 1 {
        let image = light_on_dark(image);
        let image = if image.dimensions() == (columns, rows) { image } else { centred(&image, columns, rows) };
        return Ok(image.into_raw().into_iter().map(unit).collect());
    }
    let image = DynamicImage::from(on_white(image)).resize_to_fill(columns, rows, FilterType::Triangle).to_rgb8();
    let channel = |c: usize| image.pixels().map(move |pixel| unit(pixel.0[c]));
    Ok((0..channels).flat_map(channel).collect())
}

fn decode(bytes: &[u8]) -> Result<DynamicImage, Failure> {
    let no_image = |reason: String| Failure::bad(format!("The body is no PNG or JPEG image: {reason}"));
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| no_image(error.to_string()))?;
    match reader.format() {
        Some(ImageFormat::Png | ImageFormat::Jpeg) => {}
        _ => return Err(no_image(format!("it begins with {:02x?}", &bytes[..bytes.len().min(4)]))),
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST);
    limits.max_image_height = Some(LARGEST);
    limits.max_alloc = Some(256 << 20);
    reader.limits(limits);
    let image = reader.decode().map_err(|error| no_image(crate::formats::clip(&error.to_string())))?;
    match image.width().min(image.height()) {
        0 => Err(no_image("it has no pixels".into())),
        _ => Ok(image),
    }
}

/// What is transparent shows white paper.
fn on_white(image: DynamicImage) -> image::RgbaImage {
    let mut image = image.into_rgba8();
    for Rgba([r, g, b, a]) in image.pixels_mut() {
        for colour in [r, g, b] {
            let (ink, cover) = (u32::from(*colour), u32::from(*a));
            *colour = ((ink * cover + 255 * (255 - cover) + 127) / 255) as u8;
        }
        *a = 255;
    }
    image
}

/// Grey, and inverted if the paper is light: it is what is seen at the edge.
fn light_on_dark(image: DynamicImage) -> GrayImage {
    let mut image = DynamicImage::from(on_white(image)).into_luma8();
    let (width, height) = image.dimensions();
    let is_edge = |x: u32, y: u32| x == 0 || y == 0 || x == width - 1 || y == height - 1;
    let edge = image.enumerate_pixels().filter(|&(x, y, _)| is_edge(x, y)).map(|(_, _, pixel)| u64::from(pixel.0[0]));
    let (sum, count) = edge.fold((0, 0), |(sum, count), value| (sum + value, count + 1));
    if sum > count * 127 {
        imageops::invert(&mut image);
    }
    image
}

/// The ink, five sevenths as high as the picture, its centre of mass in the middle.
fn centred(image: &GrayImage, width: u32, height: u32) -> GrayImage {
    let darkest = image.pixels().map(|pixel| pixel.0[0]).max().unwrap_or(0);
    // A tenth of the strongest ink is paper that is not quite even.
    let ink = |pixel: &Luma<u8>| u32::from(pixel.0[0]) * 10 > u32::from(darkest);
    let mut bounds: Option<(u32, u32, u32, u32)> = None;
    for (x, y, _) in image.enumerate_pixels().filter(|(_, _, pixel)| ink(pixel)) {
        let (left, top, right, bottom) = bounds.unwrap_or((x, y, x, y));
        bounds = Some((left.min(x), top.min(y), right.max(x), bottom.max(y)));
    }
    let mut middle = GrayImage::new(width, height);
    let Some((left, top, right, bottom)) = bounds else { return middle };
    let cut = imageops::crop_imm(image, left, top, right - left + 1, bottom - top + 1).to_image();
    let (box_width, box_height) = (f64::from(width) * 5.0 / 7.0, f64::from(height) * 5.0 / 7.0);
    let scale = (box_width / f64::from(cut.width())).min(box_height / f64::from(cut.height()));
    let side = |pixels: u32| (f64::from(pixels) * scale).round().max(1.0) as u32;
    let small = imageops::resize(&cut, side(cut.width()), side(cut.height()), FilterType::Triangle);
    let mass: f64 = small.pixels().map(|pixel| f64::from(pixel.0[0])).sum();
    let centre = |of: fn(u32, u32) -> u32| {
        let moment: f64 =
            small.enumerate_pixels().map(|(x, y, pixel)| f64::from(of(x, y)) * f64::from(pixel.0[0])).sum();
        moment / mass.max(1.0)
    };
    let place = |size: u32, centre: f64| ((f64::from(size) - 1.0) / 2.0 - centre).round() as i64;
    imageops::replace(&mut middle, &small, place(width, centre(|x, _| x)), place(height, centre(|_, y| y)));
    middle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::garbled::garbled;

    #[test]
    fn garbled_images_are_read_or_refused() {
        let mut jpeg = Vec::new();
        let picture = DynamicImage::from(bar(40, 30, 255, 0));
        picture.write_to(&mut Cursor::new(&mut jpeg), ImageFormat::Jpeg).unwrap();
        garbled(&[&png(picture), &jpeg], |bytes| {
            let pixels = pixels(bytes, [1, 28, 28]).map_err(|failure| failure.message)?;
            assert!(pixels.len() == 784 && pixels.iter().all(|x| (0.0..=1.0).contains(x)));
            Ok::<(), String>(())
        });
    }

    fn png(image: DynamicImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
        bytes
    }

    /// A bar of ink somewhere on paper.
    fn bar(width: u32, height: u32, paper: u8, ink: u8) -> GrayImage {
        let on =
            |x: u32, y: u32| (width / 2..width / 2 + width / 20).contains(&x) && (height / 5..height / 2).contains(&y);
        GrayImage::from_fn(width, height, |x, y| Luma([if on(x, y) { ink } else { paper }]))
    }

    #[test]
    fn a_picture_of_the_right_size_is_left_alone() {
        let image = GrayImage::from_fn(28, 28, |x, y| Luma([if x > 3 && y > 3 && x < 20 { (x * y) as u8 } else { 0 }]));
        let found = pixels(&png(image.clone().into()), [1, 28, 28]).unwrap();
        assert!(found.iter().zip(image.as_raw()).all(|(x, byte)| *x == f32::from(*byte) / 255.0));
    }

    #[test]
    fn paper_may_be_white_or_black_and_pictures_of_any_size() {
        let of = |image: GrayImage| pixels(&png(image.into()), [1, 28, 28]).unwrap();
        let reference = of(bar(280, 280, 0, 255));
        assert_eq!(of(bar(280, 280, 255, 0)), reference);
        // Twenty pixels high, in the middle.
        let row = |y: usize| reference[28 * y..][..28].iter().sum::<f32>();
        assert!(
            row(3) < 0.5 && row(5) > 1.0 && row(22) > 1.0 && row(25) < 0.5,
            "{:?}",
            (0..28).map(row).collect::<Vec<_>>()
        );
        let larger = of(bar(1400, 1400, 255, 0));
        let difference: f32 = larger.iter().zip(&reference).map(|(x, y)| (x - y).abs()).sum();
        assert!(difference < 0.1 * reference.iter().sum::<f32>(), "{difference}");
    }

    #[test]
    fn transparent_is_paper() {
        let clear =
            image::RgbaImage::from_fn(100, 100, |x, _| Rgba([0, 0, 0, if (40..60).contains(&x) { 255 } else { 0 }]));
        let found = pixels(&png(clear.into()), [1, 28, 28]).unwrap();
        assert_eq!((found[0], found[28 * 14 + 14]), (0.0, 1.0));
    }

    #[test]
    fn colours_are_channels_one_after_the_other() {
        let image = image::RgbImage::from_pixel(64, 48, image::Rgb([255, 0, 51]));
        let found = pixels(&png(image.into()), [3, 32, 32]).unwrap();
        assert_eq!((found.len(), found[0], found[1024], found[2048]), (3 * 1024, 1.0, 0.0, 0.2));
    }

    #[test]
    fn large_images_are_known_before_they_are_decoded() {
        assert!(is_small(&png(bar(28, 28, 255, 0).into())) && is_small(b"no image"));
        assert!(!is_small(&png(bar(280, 280, 255, 0).into())));
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let whole = png(bar(60, 60, 255, 0).into());
        for bytes in [&b""[..], b"GIF89a", b"not an image at all", &whole[..40]] {
            assert!(pixels(bytes, [1, 28, 28]).is_err());
        }
        assert_eq!(pixels(&png(bar(30, 30, 9, 9).into()), [1, 28, 28]).unwrap().len(), 784);
    }
}

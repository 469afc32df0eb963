//! Which colour, marker and dash tell one series from another, for every reader's eyes?

/// An opaque colour: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

/// The Okabe–Ito palette, told apart under every common form of colour blindness.
impl Colour {
    /// Blue.
    pub const BLUE: Self = Self(0x00, 0x72, 0xB2);
    /// Vermilion.
    pub const VERMILION: Self = Self(0xD5, 0x5E, 0x00);
    /// Bluish green.
    pub const GREEN: Self = Self(0x00, 0x9E, 0x73);
    /// Reddish purple.
    pub const PURPLE: Self = Self(0xCC, 0x79, 0xA7);
    /// Sky blue.
    pub const SKY: Self = Self(0x56, 0xB4, 0xE9);
    /// Orange.
    pub const ORANGE: Self = Self(0xE6, 0x9F, 0x00);
    /// Black.
    pub const BLACK: Self = Self(0x00, 0x00, 0x00);
    /// Yellow, last because it is faint on white.
    pub const YELLOW: Self = Self(0xF0, 0xE4, 0x42);

    /// Grey of reference lines and of what is only there to compare with.
    pub const GREY: Self = Self(0x77, 0x77, 0x77);
    /// Light grey of idle time.
    pub const SILVER: Self = Self(0xCF, 0xCF, 0xCF);
    /// Page.
    pub(super) const WHITE: Self = Self(0xFF, 0xFF, 0xFF);
    /// Text and axes: a touch softer than black.
    pub(super) const INK: Self = Self(0x26, 0x26, 0x26);
    /// Grid lines.
    pub(super) const GRID: Self = Self(0xE8, 0xE8, 0xE8);
}

/// The `index`-th series colour, in an order that keeps the first few far apart; repeats after 8.
pub fn colour(index: usize) -> Colour {
    const ORDER: [Colour; 8] = [
        Colour::BLUE,
        Colour::VERMILION,
        Colour::GREEN,
        Colour::PURPLE,
        Colour::SKY,
        Colour::ORANGE,
        Colour::BLACK,
        Colour::YELLOW,
    ];
    ORDER[index % ORDER.len()]
}

/// The `index`-th marker; repeats after 7, so that a colour that comes back (after 8) has another marker.
pub fn shape(index: usize) -> Shape {
    const ORDER: [Shape; 7] =
        [Shape::Circle, Shape::Square, Shape::Triangle, Shape::Diamond, Shape::Cross, Shape::Inverted, Shape::Plus];
    ORDER[index % ORDER.len()]
}

/// The dash of the `index`-th series: solid for the first 8, so for each colour once, then dashed, then dotted.
pub fn dash(index: usize) -> Dash {
    const ORDER: [Dash; 3] = [Dash::Solid, Dash::Dashed, Dash::Dotted];
    ORDER[index / 8 % ORDER.len()]
}

/// What a marker looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// ●
    Circle,
    /// ■
    Square,
    /// ▲
    Triangle,
    /// ◆
    Diamond,
    /// ×, always drawn with strokes
    Cross,
    /// ▼
    Inverted,
    /// +, always drawn with strokes
    Plus,
}

/// How a line is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    /// ———
    Solid,
    /// – – –
    Dashed,
    /// · · ·
    Dotted,
}

/// How a rectangle is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Full colour.
    Solid,
    /// The colour, mostly transparent, with an outline: what overlaps still shows.
    Light,
    /// The same on white: the grid does not show through.
    Pale,
    /// Slanted strokes on white, with an outline.
    Hatched,
    /// The outline alone.
    Outline,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_series_all_look_different() {
        let mut seen = Vec::new();
        for index in 0..40 {
            let look = (colour(index), shape(index));
            assert!(!seen.contains(&look), "{index} looks like an earlier one");
            seen.push(look);
        }
    }
}

//! The organisation's colour made into accents that stand off enough from the grounds of both themes: the same
//! rule as on the meeting's pages (`ui/src/style/brand.ts`).

use std::fmt::Write;

/// WCAG 2.1, 1.4.3.
const TEXT_CONTRAST_MIN: f64 = 4.5;
const STEPS: u32 = 100;
const WHITE: Rgb = Rgb([255, 255, 255]);
const INK: Rgb = Rgb([0x10, 0x12, 0x14]);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Rgb([u8; 3]);

/// The grounds of a theme, and where colours go for more contrast.
struct Theme {
    dim: Rgb,
    base: Rgb,
    toward: Rgb,
    soft: f64,
}

const LIGHT: Theme = Theme {
    dim: Rgb([0xe4, 0xe1, 0xda]),
    base: WHITE,
    toward: Rgb([0, 0, 0]),
    soft: 0.86,
};
const DARK: Theme = Theme {
    dim: Rgb([0x34, 0x3b, 0x43]),
    base: Rgb([0x15, 0x18, 0x1c]),
    toward: WHITE,
    soft: 0.78,
};

/// The style that gives the pages the accents of a colour (`#rrggbb`); empty when it is not such a colour.
pub fn style(colour: &str) -> String {
    let Some(brand) = Rgb::parse(colour) else {
        return String::new();
    };
    let mut style = format!(":root {{ {} }}\n", LIGHT.accents(brand));
    let dark = DARK.accents(brand);
    let written = writeln!(
        style,
        "@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    );
    written.expect("writing to a string does not fail");
    style
}

impl Theme {
    fn accents(&self, brand: Rgb) -> String {
        let soft = brand.mixed(self.base, self.soft);
        let grounds = [self.dim, self.base, soft];
        let enough = |ink: Rgb| {
            grounds
                .iter()
                .all(|&ground| contrast(ink, ground) >= TEXT_CONTRAST_MIN)
        };
        let mut tried =
            (0..=STEPS).map(|step| brand.mixed(self.toward, f64::from(step) / f64::from(STEPS)));
        let ink = tried.find(|&ink| enough(ink)).unwrap_or(self.toward);
        let on = match contrast(ink, WHITE) >= contrast(ink, INK) {
            true => WHITE,
            false => INK,
        };
        format!(
            "--accent: {ink}; --accent-hover: {hover}; --on-accent: {on}; --accent-ink: {ink}; --accent-soft: {soft};",
            ink = ink.hex(),
            hover = ink.mixed(self.toward, 0.15).hex(),
            on = on.hex(),
            soft = soft.hex(),
        )
    }
}

impl Rgb {
    fn parse(colour: &str) -> Option<Rgb> {
        let digits = colour
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let number = u32::from_str_radix(digits, 16).ok()?;
        let [_, red, green, blue] = number.to_be_bytes();
        Some(Rgb([red, green, blue]))
    }

    fn hex(self) -> String {
        let Rgb([red, green, blue]) = self;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// So much of the other one. Whole numbers, so that what is measured is what is shown.
    fn mixed(self, other: Rgb, share: f64) -> Rgb {
        let part = |from: u8, to: u8| {
            let (from, to) = (f64::from(from), f64::from(to));
            // Between the two, and so within 0 to 255.
            (from + (to - from) * share).round() as u8
        };
        let (Rgb(from), Rgb(to)) = (self, other);
        Rgb([
            part(from[0], to[0]),
            part(from[1], to[1]),
            part(from[2], to[2]),
        ])
    }

    /// Relative luminance (WCAG 2.1).
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let share = f64::from(part) / 255.0;
            match share <= 0.03928 {
                true => share / 12.92,
                false => ((share + 0.055) / 1.055).powf(2.4),
            }
        };
        let Rgb([red, green, blue]) = self;
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }
}

/// Contrast ratio of two colours, 1 to 21 (WCAG 2.1).
fn contrast(left: Rgb, right: Rgb) -> f64 {
    let (left, right) = (left.luminance(), right.luminance());
    (left.max(right) + 0.05) / (left.min(right) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_becomes_one_that_can_be_read() {
        for number in (0..0x100_0000_u32).step_by(4_999) {
            let colour = format!("#{number:06x}");
            let style = style(&colour);
            let of = |name: &str| -> Vec<Rgb> {
                let name = format!("{name}: ");
                let found = style.split(&name).skip(1);
                found.map(|rest| Rgb::parse(&rest[..7]).unwrap()).collect()
            };
            let grounds = [LIGHT, DARK].map(|theme| [theme.dim, theme.base]);
            for (theme, ink) in of("--accent-ink").into_iter().enumerate() {
                for ground in grounds[theme]
                    .into_iter()
                    .chain([of("--accent-soft")[theme]])
                {
                    assert!(
                        contrast(ink, ground) >= TEXT_CONTRAST_MIN,
                        "{colour}: {style}"
                    );
                }
            }
            for (on, accent) in of("--on-accent").into_iter().zip(of("--accent")) {
                assert!(
                    contrast(on, accent) >= TEXT_CONTRAST_MIN,
                    "{colour}: {style}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_colour_changes_nothing() {
        for text in ["", "red", "#12345", "#12345g", "#1234567", "#+12345"] {
            assert_eq!(style(text), "", "{text}");
        }
    }

    #[test]
    fn black_and_white_contrast_as_far_as_can_be() {
        assert!((contrast(WHITE, Rgb([0, 0, 0])) - 21.0).abs() < 1e-9);
    }
}

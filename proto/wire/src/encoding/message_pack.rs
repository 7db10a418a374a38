//! The shape of MessagePack, before anything is built from it.
//!
//! A list, map or string says how long it is before its items come, and a decoder that believes it
//! takes the memory first. Once every length has been seen to be there, no length can lie.

use super::DecodeError;
use crate::limits::CONTROL_DEPTH_MAX;

/// Holds that `bytes` are exactly one value, whole, and nested at most [`CONTROL_DEPTH_MAX`] deep.
///
/// # Errors
/// [`DecodeError::TooDeep`] or [`DecodeError::Malformed`].
pub(super) fn check_shape(bytes: &[u8]) -> Result<(), DecodeError> {
    let mut rest = bytes;
    // Of each open list or map, how many values are still to come. The first stands for the message.
    let mut missing = [0_u64; CONTROL_DEPTH_MAX + 1];
    missing[0] = 1;
    let mut depth = 0;
    loop {
        while missing[depth] == 0 {
            if depth == 0 {
                return rest.is_empty().then_some(()).ok_or(DecodeError::Malformed);
            }
            depth -= 1;
        }
        missing[depth] -= 1;
        let item = take_item(&mut rest).ok_or(DecodeError::Malformed)?;
        if let Item::Holding(values) = item {
            depth += 1;
            *missing.get_mut(depth).ok_or(DecodeError::TooDeep)? = values;
        }
    }
}

enum Item {
    /// A number, string or the like, with all its bytes.
    Whole,
    /// A list or map of so many values, which follow.
    Holding(u64),
}

/// Takes one item off the front by its marker (MessagePack specification, "Formats"). `None` when it
/// is cut short or not of MessagePack.
fn take_item(rest: &mut &[u8]) -> Option<Item> {
    let marker = take_number(rest, 1)?;
    let bytes = match marker {
        0x80..=0x8f => return Some(Item::Holding(2 * (marker & 0x0f))),
        0x90..=0x9f => return Some(Item::Holding(marker & 0x0f)),
        0xdc => return Some(Item::Holding(take_number(rest, 2)?)),
        0xdd => return Some(Item::Holding(take_number(rest, 4)?)),
        0xde => return Some(Item::Holding(2 * take_number(rest, 2)?)),
        0xdf => return Some(Item::Holding(2 * take_number(rest, 4)?)),
        0xa0..=0xbf => marker & 0x1f,
        0xc4 | 0xd9 => take_number(rest, 1)?,
        0xc5 | 0xda => take_number(rest, 2)?,
        0xc6 | 0xdb => take_number(rest, 4)?,
        // Extensions: a byte of type, then the data.
        0xc7 => 1 + take_number(rest, 1)?,
        0xc8 => 1 + take_number(rest, 2)?,
        0xc9 => 1 + take_number(rest, 4)?,
        0xd4..=0xd8 => 1 + (1 << (marker - 0xd4)),
        0xcc | 0xd0 => 1,
        0xcd | 0xd1 => 2,
        0xca | 0xce | 0xd2 => 4,
        0xcb | 0xcf | 0xd3 => 8,
        0xc1 => return None,
        // Nil, booleans, and integers that are their own marker.
        _ => 0,
    };
    *rest = rest.get(usize::try_from(bytes).ok()?..)?;
    Some(Item::Whole)
}

fn take_number(rest: &mut &[u8], bytes: usize) -> Option<u64> {
    let (number, after) = rest.split_at_checked(bytes)?;
    *rest = after;
    Some(
        number
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_whole_value_of_any_kind_passes() {
        let values: &[&[u8]] = &[
            b"\x00",
            b"\xff",
            b"\xc0",
            b"\xcd\x01\x02",
            b"\xcb\x00\x00\x00\x00\x00\x00\x00\x00",
            b"\xa3abc",
            b"\xd9\x01a",
            b"\xc5\x00\x01x",
            b"\xd8\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
            b"\xc7\x02\x05ab",
            b"\x90",
            b"\x82\xa1a\x93\x01\x02\x03\xa1b\x80",
            b"\xdc\x00\x02\xc0\xde\x00\x01\xc2\xc3",
        ];
        for value in values {
            assert_eq!(check_shape(value), Ok(()), "{value:02x?}");
            let cut = &value[..value.len() - 1];
            assert_eq!(check_shape(cut), Err(DecodeError::Malformed), "{cut:02x?}");
            let longer = [value, &b"\x00"[..]].concat();
            assert_eq!(
                check_shape(&longer),
                Err(DecodeError::Malformed),
                "{longer:02x?}"
            );
        }
    }

    #[test]
    fn depth_is_counted_in_lists_and_maps() {
        let nested = |levels: usize| [vec![0x91; levels], vec![0xc0]].concat();
        assert_eq!(check_shape(&nested(CONTROL_DEPTH_MAX)), Ok(()));
        assert_eq!(
            check_shape(&nested(CONTROL_DEPTH_MAX + 1)),
            Err(DecodeError::TooDeep)
        );
    }

    #[test]
    fn a_length_that_is_not_there_is_refused() {
        for lie in [
            &b"\xdd\xff\xff\xff\xff\xc0"[..],
            b"\xdf\xff\xff\xff\xff\xc0\xc0",
            b"\xdb\xff\xff\xff\xffx",
        ] {
            assert_eq!(check_shape(lie), Err(DecodeError::Malformed), "{lie:02x?}");
        }
    }
}

//! Amounts of memory as people write them: `1GiB`, `512MiB`, `64KiB`, or bytes.

/// Reads an amount of memory; a number alone is bytes.
///
/// # Errors
/// A sentence that says what was expected.
pub fn parse(text: &str) -> Result<u64, String> {
    let complaint = || format!("{text:?} is no amount of memory, such as 1GiB, 512MiB or a number of bytes");
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let shift = match unit.trim() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return Err(complaint()),
    };
    let number: u64 = number.parse().map_err(|_| complaint())?;
    number
        .checked_mul(1 << shift)
        .filter(|bytes| 0 < *bytes)
        .ok_or_else(complaint)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("1GiB", 1 << 30),
            ("512MiB", 512 << 20),
            ("64 KiB", 64 << 10),
            ("100", 100),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "GiB", "1GB", "-1", "0", "99999999999GiB", "1.5GiB"] {
            assert!(parse(text).is_err(), "{text:?} was accepted");
        }
    }
}

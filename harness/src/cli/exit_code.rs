//! The exit codes, and which of several holds.

/// Everything that was judged is valid.
pub const VALID: u8 = 0;
/// A promise was broken.
pub const INVALID: u8 = 1;
/// It could not be decided.
pub const UNKNOWN: u8 = 2;
/// What was asked makes no sense.
pub const BAD_ARGUMENTS: u8 = 254;
/// The harness itself failed.
pub const HARNESS_FAILURE: u8 = 255;

/// Over several runs or files: a violation is never hidden by anything else, and nothing is hidden by a success.
#[must_use]
pub fn worse(one: u8, other: u8) -> u8 {
    let rank = |code: u8| match code {
        INVALID => 4,
        HARNESS_FAILURE => 3,
        BAD_ARGUMENTS => 2,
        VALID => 0,
        _ => 1,
    };
    if rank(one) < rank(other) { other } else { one }
}

/// The code of a verdict by its name.
#[must_use]
pub fn of_verdict(name: &str) -> u8 {
    match name {
        "valid" => VALID,
        "invalid" => INVALID,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::worse;

    #[test]
    fn a_violation_is_never_hidden_by_anything_else() {
        for codes in [
            [0, 1],
            [2, 1],
            [254, 1],
            [255, 1],
            [254, 255],
            [2, 254],
            [2, 255],
            [0, 2],
        ] {
            assert_eq!(worse(codes[0], codes[1]), codes[1]);
            assert_eq!(worse(codes[1], codes[0]), codes[1]);
        }
    }
}

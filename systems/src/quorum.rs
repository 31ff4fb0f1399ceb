//! How many of a group are enough: pure arithmetic.

/// How many of a group of `members` may be missing while it goes on: f of 2f + 1.
#[must_use]
pub const fn missing_max(members: usize) -> usize {
    members.saturating_sub(1) / 2
}

/// The fewest of a group of `members` any two sets of which have one in common.
#[must_use]
pub const fn majority(members: usize) -> usize {
    members / 2 + 1
}

/// The largest value that at least `count` of `values` reach; none when there are fewer.
pub fn reached_by<T: Ord>(count: usize, values: impl IntoIterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_unstable_by(|one, other| other.cmp(one));
    values.into_iter().nth(count.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::{majority, missing_max, reached_by};

    #[test]
    fn two_majorities_have_a_member_in_common_and_one_is_left_when_the_most_are_missing() {
        for members in 1..=9 {
            assert!(members < 2 * majority(members));
            assert!(majority(members) <= members - missing_max(members));
        }
    }

    #[test]
    fn what_enough_of_them_reach_is_the_largest_such_value() {
        assert_eq!(reached_by(2, [7, 3, 5]), Some(5));
        assert_eq!(reached_by(3, [7, 3, 5]), Some(3));
        assert_eq!(reached_by(4, [7, 3, 5]), None);
        assert_eq!(reached_by(0, [7, 3, 5]), None);
    }
}
